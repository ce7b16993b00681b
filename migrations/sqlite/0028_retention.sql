-- What may be destroyed, when, and what must not be. Moments are microseconds since 1970.

-- A hold wins over everything that destroys. On a case, and so on its calls and pictures, or on one call.
CREATE TABLE legal_holds (
    id            TEXT    PRIMARY KEY,
    case_number   TEXT    REFERENCES cases (number),
    contact       TEXT    REFERENCES contacts (id),
    -- Why, in the words of the records office.
    reason        TEXT    NOT NULL,
    -- The court's or inspector's own number of the matter.
    reference     TEXT    NOT NULL,
    placed_at     INTEGER NOT NULL,
    placed_by     TEXT    NOT NULL,
    lifted_at     INTEGER,
    lifted_by     TEXT,
    lifted_reason TEXT,
    CHECK ((case_number IS NULL) <> (contact IS NULL)),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lifted_reason IS NULL))
) STRICT;
CREATE INDEX legal_holds_on_cases ON legal_holds (case_number) WHERE case_number IS NOT NULL;
CREATE INDEX legal_holds_on_calls ON legal_holds (contact) WHERE contact IS NOT NULL;
CREATE INDEX legal_holds_in_force ON legal_holds (placed_at) WHERE lifted_at IS NULL;
CREATE TRIGGER legal_holds_are_never_deleted BEFORE DELETE ON legal_holds
BEGIN
    SELECT RAISE(ABORT, 'a legal hold is never deleted');
END;

-- Asked for by one person and agreed to by another, or decided by a rule; then done. What is decided is done after a crash,
-- too. `what` is JSON: of recordings, photos, words.
CREATE TABLE erasures (
    id           TEXT    PRIMARY KEY,
    case_number  TEXT    REFERENCES cases (number),
    contact      TEXT    REFERENCES contacts (id),
    what         TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('asked', 'refused', 'decided', 'done')),
    reason       TEXT,
    asked_at     INTEGER,
    asked_by     TEXT,
    rule         TEXT,
    rule_version INTEGER,
    decided_at   INTEGER,
    decided_by   TEXT,
    done_at      INTEGER,
    CHECK ((case_number IS NULL) <> (contact IS NULL)),
    CHECK ((rule IS NULL) <> (asked_by IS NULL)),
    CHECK ((state = 'done') = (done_at IS NOT NULL))
) STRICT;
CREATE INDEX erasures_of_cases ON erasures (case_number) WHERE case_number IS NOT NULL;
CREATE INDEX erasures_of_calls ON erasures (contact) WHERE contact IS NOT NULL;
CREATE INDEX erasures_open ON erasures (state, id) WHERE state IN ('asked', 'decided');
CREATE UNIQUE INDEX erasures_one_at_a_time ON erasures (case_number) WHERE state IN ('asked', 'decided') AND case_number IS NOT NULL;
CREATE UNIQUE INDEX erasures_one_at_a_time_of_call ON erasures (contact) WHERE state IN ('asked', 'decided') AND contact IS NOT NULL;
CREATE INDEX erasures_done ON erasures (done_at, id) WHERE state = 'done';
CREATE TRIGGER erasures_are_never_deleted BEFORE DELETE ON erasures
BEGIN
    SELECT RAISE(ABORT, 'an erasure is never deleted');
END;
-- What is done stays done.
CREATE TRIGGER erasures_end BEFORE UPDATE ON erasures WHEN OLD.state IN ('done', 'refused')
BEGIN
    SELECT RAISE(ABORT, 'an erasure that is over is never altered');
END;

-- The calls whose content goes with it, settled when it is decided: a call that is also on another case stays until that
-- one may go.
CREATE TABLE erasure_calls (
    erasure TEXT NOT NULL REFERENCES erasures (id),
    contact TEXT NOT NULL REFERENCES contacts (id),
    PRIMARY KEY (erasure, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_calls_by_contact ON erasure_calls (contact);

-- What is gone of a case, and of a call: 1 recordings, 2 photos, 4 words.
ALTER TABLE cases ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
CREATE INDEX cases_to_erase ON cases (closed_at, number) WHERE closed_at IS NOT NULL AND erased < 7;

-- The journal knows a telephone number by a digest over it and this salt. Without the salt nobody can guess the number.
CREATE TABLE caller_salts (
    contact TEXT PRIMARY KEY,
    salt    BLOB NOT NULL CHECK (length(salt) = 16)
) STRICT, WITHOUT ROWID;

-- Exactly an erasure that is decided and not done may take pictures and words away; nothing may alter them.
DROP TRIGGER evidence_blobs_refuse_update;
CREATE TRIGGER evidence_blobs_refuse_update BEFORE UPDATE ON evidence_blobs
-- A picture that was erased may be sent again by somebody else.
WHEN NOT (NEW.sha256 = OLD.sha256 AND (OLD.content = x''
    OR NEW.content = x'' AND EXISTS (SELECT 1 FROM erasures WHERE state = 'decided')))
BEGIN
    SELECT RAISE(ABORT, 'evidence is never altered');
END;
DROP TRIGGER findings_refuse_update;
CREATE TRIGGER findings_refuse_update BEFORE UPDATE ON findings
WHEN NOT (NEW.text = '' AND NEW.id = OLD.id AND NEW.contact = OLD.contact AND NEW.recording = OLD.recording
    AND NEW.offset_ms = OLD.offset_ms AND NEW.author = OLD.author AND NEW.at = OLD.at
    AND EXISTS (SELECT 1 FROM erasure_calls JOIN erasures ON erasures.id = erasure
                WHERE erasure_calls.contact = OLD.contact AND erasures.state = 'decided'))
BEGIN
    SELECT RAISE(ABORT, 'a finding is never altered');
END;

CREATE INDEX journal_of_erasures ON journal (seq) WHERE type IN ('hold.placed', 'hold.lifted', 'retention.due',
    'erasure.asked', 'erasure.agreed', 'erasure.refused', 'case.erased', 'contact.erased');
