-- When the time of an appointment was arranged, booked or moved to: a reminder is about exactly that arrangement, and is void
-- once there is another. `reminded_at` is when nobody was to be written to about it any more.
ALTER TABLE appointments ADD COLUMN arranged_at INTEGER NOT NULL DEFAULT 0;
UPDATE appointments SET arranged_at = COALESCE(
    (SELECT MAX(journal.at) FROM journal WHERE journal.case_number = appointments.case_number
     AND journal.type IN ('appt.booked', 'appt.moved')), 0);
