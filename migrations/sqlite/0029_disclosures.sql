-- Cases that are handed over: asked for by one person, decided by another, made into a package on the disk for a while, fetched.
-- Who gets it, why and by which law stands here alone; the journal has the digest over these three.
CREATE TABLE disclosures (
    id          TEXT    PRIMARY KEY,
    case_number TEXT    NOT NULL REFERENCES cases (number),
    state       TEXT    NOT NULL CHECK (state IN ('asked', 'refused', 'approved', 'made', 'failed')),
    purpose     TEXT    NOT NULL,
    recipient   TEXT    NOT NULL,
    basis       TEXT    NOT NULL,
    asked_at    INTEGER NOT NULL,
    asked_by    TEXT    NOT NULL,
    decided_at  INTEGER,
    decided_by  TEXT,
    reason      TEXT,
    made_at     INTEGER,
    sha256      TEXT,
    length      INTEGER,
    until_at    INTEGER,
    fetches     INTEGER NOT NULL DEFAULT 0,
    CHECK (decided_by IS NULL OR decided_by <> asked_by)
) STRICT;
CREATE INDEX disclosures_by_time ON disclosures (asked_at);
CREATE INDEX disclosures_by_case ON disclosures (case_number);
