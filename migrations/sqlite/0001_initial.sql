-- Ids are UUIDv7 in TEXT, times are microseconds UTC, booleans 0 or 1, JSON and digests (hexadecimal) are TEXT.
-- Rows are the truth for the program; the journal tells how they came to be.

CREATE TABLE journal (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    type        TEXT    NOT NULL,
    v           INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    actor       TEXT    NOT NULL,
    contact     TEXT,
    case_number TEXT,
    recording   TEXT,
    offset_ms   INTEGER,
    reason      TEXT,
    data        TEXT    NOT NULL,
    prev        TEXT    NOT NULL,
    hash        TEXT    NOT NULL
) STRICT;
CREATE INDEX journal_by_contact ON journal (contact) WHERE contact IS NOT NULL;
CREATE INDEX journal_by_case ON journal (case_number) WHERE case_number IS NOT NULL;

CREATE TRIGGER journal_refuses_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TRIGGER journal_refuses_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
-- INSERT OR REPLACE deletes rows without firing the trigger above, so inserts are held to the end of the chain.
CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal)
    OR EXISTS (SELECT 1 FROM journal WHERE id = NEW.id)
    OR NEW.prev <> COALESCE((SELECT hash FROM journal WHERE seq = NEW.seq - 1), NEW.prev)
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TABLE users (
    id            TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    organisation  TEXT,
    languages     TEXT    NOT NULL,
    queues        TEXT    NOT NULL,
    sip_extension TEXT    UNIQUE,
    ha1_md5       TEXT,
    ha1_sha256    TEXT,
    disabled      INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    CHECK ((sip_extension IS NULL) = (ha1_md5 IS NULL) AND (sip_extension IS NULL) = (ha1_sha256 IS NULL))
) STRICT;

CREATE TABLE sessions (
    token_sha256 TEXT    PRIMARY KEY,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    expires_at   INTEGER NOT NULL,
    one_time     INTEGER NOT NULL CHECK (one_time IN (0, 1)),
    used         INTEGER NOT NULL CHECK (used IN (0, 1))
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The last number given in a year and office. It moves in the transaction that keeps the case: no gaps.
CREATE TABLE register (
    year     INTEGER NOT NULL,
    office   TEXT    NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (year, office)
) STRICT;

-- `body` is the whole case; the other columns are what is searched and sorted by. `revision` counts its changes:
-- a change that was worked out from an older revision is refused.
CREATE TABLE cases (
    number        TEXT    PRIMARY KEY,
    year          INTEGER NOT NULL,
    office        TEXT    NOT NULL,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    revision      INTEGER NOT NULL,
    state         TEXT    NOT NULL,
    category      TEXT    NOT NULL,
    executor      TEXT,
    caller        TEXT,
    registered_at INTEGER NOT NULL,
    resolve_by    INTEGER,
    body          TEXT    NOT NULL,
    UNIQUE (year, office, seq)
) STRICT;
CREATE INDEX cases_by_registration ON cases (registered_at, number);
CREATE INDEX cases_by_caller ON cases (caller) WHERE caller IS NOT NULL;
CREATE INDEX cases_by_executor ON cases (executor, registered_at) WHERE executor IS NOT NULL;
CREATE INDEX open_cases ON cases (state) WHERE state <> 'closed';
CREATE TRIGGER cases_are_never_deleted BEFORE DELETE ON cases
BEGIN
    SELECT RAISE(ABORT, 'a registered case is never deleted');
END;

CREATE TABLE contacts (
    id           TEXT    PRIMARY KEY,
    caller       TEXT    NOT NULL,
    called       TEXT    NOT NULL,
    origin       TEXT    NOT NULL,
    sip_call_id  TEXT    NOT NULL,
    language     TEXT,
    topic        TEXT,
    ivr_path     TEXT    NOT NULL,
    queue        TEXT,
    operator     TEXT,
    case_number  TEXT    REFERENCES cases (number),
    recording    TEXT,
    offered_at   INTEGER NOT NULL,
    answered_at  INTEGER,
    queued_at    INTEGER,
    connected_at INTEGER,
    ended_at     INTEGER,
    termination  TEXT,
    disposition  TEXT,
    callback     TEXT
) STRICT;
CREATE INDEX contacts_by_offer ON contacts (offered_at, id);
CREATE INDEX contacts_by_case ON contacts (case_number) WHERE case_number IS NOT NULL;
CREATE INDEX contacts_by_operator ON contacts (operator, offered_at) WHERE operator IS NOT NULL;
CREATE INDEX open_contacts ON contacts (offered_at) WHERE ended_at IS NULL;
-- What a crash in wrap-up leaves behind, looked for at each start.
CREATE INDEX contacts_undisposed ON contacts (offered_at) WHERE disposition IS NULL;

-- Every contact that was ever on the case; `contacts.case_number` is the one it is on now.
CREATE TABLE case_contacts (
    case_number TEXT NOT NULL REFERENCES cases (number),
    contact     TEXT NOT NULL REFERENCES contacts (id),
    PRIMARY KEY (case_number, contact)
) STRICT;
CREATE INDEX case_contacts_by_contact ON case_contacts (contact);

CREATE TABLE recordings (
    id          TEXT    PRIMARY KEY,
    contact     TEXT    NOT NULL REFERENCES contacts (id),
    path        TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    sample_rate INTEGER NOT NULL,
    frames      INTEGER NOT NULL,
    gaps        TEXT    NOT NULL,
    result      TEXT,
    sha256      TEXT
) STRICT;
CREATE INDEX recordings_by_contact ON recordings (contact);
CREATE INDEX open_recordings ON recordings (started_at) WHERE state = 'capturing';

CREATE TABLE work_orders (
    id              TEXT    PRIMARY KEY,
    case_number     TEXT    NOT NULL REFERENCES cases (number),
    executor        TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    task            TEXT    NOT NULL,
    issued_at       INTEGER NOT NULL,
    accept_by       INTEGER,
    resolve_by      INTEGER NOT NULL,
    result          TEXT,
    declined_reason TEXT
) STRICT;
CREATE INDEX work_orders_by_case ON work_orders (case_number);
CREATE INDEX work_orders_by_deadline ON work_orders (resolve_by, id);
CREATE INDEX work_orders_by_executor ON work_orders (executor, resolve_by, id);

-- Original bytes under their digest; the same photo sent twice is kept once.
CREATE TABLE evidence_blobs (
    sha256  TEXT PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;
CREATE TRIGGER evidence_blobs_refuse_update BEFORE UPDATE ON evidence_blobs
BEGIN
    SELECT RAISE(ABORT, 'evidence is never altered');
END;

CREATE TABLE evidence (
    id           TEXT    PRIMARY KEY,
    work_order   TEXT    NOT NULL REFERENCES work_orders (id),
    role         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    length       INTEGER NOT NULL,
    sha256       TEXT    NOT NULL REFERENCES evidence_blobs (sha256),
    received_at  INTEGER NOT NULL,
    cycle        INTEGER NOT NULL
) STRICT;
CREATE INDEX evidence_by_order ON evidence (work_order, received_at);
