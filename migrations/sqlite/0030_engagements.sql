-- Auditors' engagements: who may read and play what, from when until when, and who gave them that. Opened once, closed
-- once, never altered otherwise.
CREATE TABLE audit_engagements (
    id        TEXT    PRIMARY KEY,
    auditor   TEXT    NOT NULL REFERENCES users (id),
    from_at   INTEGER NOT NULL,
    until_at  INTEGER NOT NULL CHECK (until_at > from_at),
    -- Categories, queues and the period of the calls, as JSON.
    scope     TEXT    NOT NULL,
    purpose   TEXT    NOT NULL,
    opened_by TEXT    NOT NULL REFERENCES users (id),
    opened_at INTEGER NOT NULL,
    closed_by TEXT    REFERENCES users (id),
    closed_at INTEGER,
    closing   TEXT
) STRICT;
CREATE INDEX audit_engagements_of ON audit_engagements (auditor, from_at);
CREATE TRIGGER audit_engagements_refuse_delete BEFORE DELETE ON audit_engagements
BEGIN
    SELECT RAISE(ABORT, 'an engagement is never deleted');
END;

-- Samples. What is drawn from (`frame`, a line for each call: its id and its stratum) is fixed with the commitment, what
-- decides is known only later: the first checkpoint that has the entry of the commitment in it, and a public value.
CREATE TABLE audit_samples (
    id              TEXT    PRIMARY KEY,
    engagement      TEXT    NOT NULL REFERENCES audit_engagements (id),
    committed_at    INTEGER NOT NULL,
    -- Number of the journal entry of the commitment.
    entry           INTEGER NOT NULL UNIQUE,
    calls_from      INTEGER NOT NULL,
    calls_until     INTEGER NOT NULL,
    frame           TEXT    NOT NULL,
    frame_size      INTEGER NOT NULL,
    frame_sha256    TEXT    NOT NULL,
    size            INTEGER NOT NULL,
    strata          TEXT    NOT NULL,
    source          TEXT    NOT NULL,
    public_at       INTEGER NOT NULL,
    drawn_at        INTEGER,
    checkpoint_size INTEGER,
    root            TEXT,
    value           TEXT
) STRICT;
CREATE INDEX audit_samples_of ON audit_samples (engagement, committed_at);
CREATE TRIGGER audit_samples_refuse_delete BEFORE DELETE ON audit_samples
BEGIN
    SELECT RAISE(ABORT, 'a sample is never deleted');
END;

-- The calls that were drawn, in the order in which they are listened to, and what came of each.
CREATE TABLE audit_items (
    sample    TEXT    NOT NULL REFERENCES audit_samples (id),
    place     INTEGER NOT NULL,
    contact   TEXT    NOT NULL REFERENCES contacts (id),
    stratum   TEXT    NOT NULL,
    outcome   TEXT,
    judged_at INTEGER,
    -- Ids of the findings that belong to the outcome, as JSON.
    findings  TEXT    NOT NULL DEFAULT '[]',
    PRIMARY KEY (sample, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_items_of_contact ON audit_items (contact);

-- Found by the verifier without reading all entries.
CREATE INDEX journal_of_audits ON journal (seq) WHERE type >= 'audit.' AND type < 'audit/';
