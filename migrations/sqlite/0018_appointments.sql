-- Receptions with officials: the slot a case waits for, and what became of it: 'booked', 'held', 'no_show' or 'cancelled'.
-- A slot that was not given back is taken once. Moments are microseconds since 1970.
CREATE TABLE appointments (
    case_number TEXT PRIMARY KEY REFERENCES cases (number),
    reception   TEXT NOT NULL,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    reminded_at INTEGER
) STRICT;
CREATE UNIQUE INDEX appointment_slots ON appointments (reception, starts_at) WHERE state <> 'cancelled';
CREATE INDEX appointments_to_remind ON appointments (starts_at) WHERE state = 'booked' AND reminded_at IS NULL;

-- Applicants who want to hear their own calls: what was decided, why, by whom, and until when the link to it works. The link
-- itself is kept as a digest.
CREATE TABLE hearings (
    id          TEXT PRIMARY KEY,
    case_number TEXT NOT NULL REFERENCES cases (number),
    contact     TEXT NOT NULL REFERENCES contacts (id),
    asked_at    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    decided_at  INTEGER,
    decided_by  TEXT,
    reason      TEXT,
    link        TEXT,
    until_at    INTEGER,
    UNIQUE (case_number, contact)
) STRICT;
CREATE INDEX hearings_waiting ON hearings (asked_at, id) WHERE state = 'asked';
CREATE UNIQUE INDEX hearing_links ON hearings (link) WHERE link IS NOT NULL;
