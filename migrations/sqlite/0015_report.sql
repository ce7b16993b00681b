-- What the weekly report counts. Moments are microseconds since 1970; the words are those of src/report/fact.rs.

-- Each step of a case that is counted, with whose work it was and what it was about at that time. A case that was
-- reopened and closed again has both closings: the row of the case knows the last one only.
CREATE TABLE case_steps (
    case_number TEXT    NOT NULL REFERENCES cases (number),
    at          INTEGER NOT NULL,
    step        TEXT    NOT NULL,
    executor    TEXT,
    category    TEXT    NOT NULL,
    territory   TEXT,
    language    TEXT    NOT NULL,
    code        TEXT,
    heard       INTEGER NOT NULL CHECK (heard IN (0, 1)),
    begun_at    INTEGER NOT NULL,
    reported_at INTEGER,
    resolve_by  INTEGER
) STRICT;
CREATE INDEX case_steps_by_time ON case_steps (at);
CREATE INDEX case_steps_by_case ON case_steps (case_number, at);

-- How a case stood from `since` on: who held it and until when it was promised, so that "open" and "overdue" can be told
-- of any moment that has passed.
CREATE TABLE case_standings (
    case_number   TEXT    NOT NULL REFERENCES cases (number),
    since         INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    is_open       INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    executor      TEXT,
    category      TEXT    NOT NULL,
    territory     TEXT,
    resolve_by    INTEGER,
    promised_by   INTEGER,
    PRIMARY KEY (case_number, since)
) STRICT, WITHOUT ROWID;

-- Cases that may have been open at a moment: those not closed yet, and those closed since.
CREATE INDEX cases_by_closing ON cases (closed_at, registered_at);
-- The auditor's way to the contacts of a week, through the journal alone.
CREATE INDEX journal_of_offers ON journal (at) WHERE type = 'contact.offered';
