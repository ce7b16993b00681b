//! Working calendars: civil time zones, office hours, holidays, and moments computed on them.
