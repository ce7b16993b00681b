-- Who rang whom; and of calls that were to ask whether work is done, what came of it: 'open', or the outcome, and where in
-- the recording it was said. Moments are microseconds since 1970.
ALTER TABLE contacts ADD COLUMN direction TEXT NOT NULL DEFAULT 'inbound';
ALTER TABLE contacts ADD COLUMN asked TEXT;
ALTER TABLE contacts ADD COLUMN asked_offset_ms INTEGER;
CREATE INDEX asking_contacts ON contacts (case_number, offered_at) WHERE asked IS NOT NULL;

-- Numbers that said "no more calls", each time they said so; in force until somebody allows them again.
CREATE TABLE refused_calls (
    number     TEXT NOT NULL,
    contact    TEXT NOT NULL REFERENCES contacts (id),
    refused_at INTEGER NOT NULL,
    allowed_at INTEGER,
    PRIMARY KEY (number, contact)
) STRICT;
CREATE INDEX refused_calls_in_force ON refused_calls (number) WHERE allowed_at IS NULL;

-- Askings that control has given up, by the moment the evidence was accepted.
CREATE TABLE asking_given_up (
    case_number TEXT NOT NULL REFERENCES cases (number),
    since       INTEGER NOT NULL,
    PRIMARY KEY (case_number, since)
) STRICT;
