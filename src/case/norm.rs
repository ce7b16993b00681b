//! Norms: which promise applies to a case, and its deadlines by calendar.
