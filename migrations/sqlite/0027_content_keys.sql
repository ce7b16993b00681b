-- What content is encrypted with at rest: a key for each call (its sound) and each case (its pictures), wrapped by the master
-- key of that number. A destroyed one is overwritten and stays as a row, so that none is made again. Subjects are `call:<id>`
-- and `case:<number>`.
CREATE TABLE content_keys (
    subject      TEXT    PRIMARY KEY,
    master       TEXT    NOT NULL,
    wrapped      BLOB    NOT NULL CHECK (destroyed_at IS NOT NULL OR length(wrapped) = 60),
    made_at      INTEGER NOT NULL,
    destroyed_at INTEGER
) STRICT;

-- Since when the file of the recording is encrypted; none while it is plain.
ALTER TABLE recordings ADD COLUMN encrypted_at INTEGER;
CREATE INDEX recordings_plain ON recordings (started_at, id)
    WHERE state = 'sealed' AND sha256 IS NOT NULL AND encrypted_at IS NULL;

-- Applicants' pictures lie with their attachment and no longer with the evidence, whose bytes two cases may share: each is
-- encrypted under the key of its own case, and goes with its row.
CREATE TABLE attachments_apart (
    id           TEXT    PRIMARY KEY,
    case_number  TEXT    NOT NULL REFERENCES cases (number),
    content_type TEXT    NOT NULL,
    length       INTEGER NOT NULL,
    sha256       TEXT    NOT NULL,
    -- The same picture made small and without what the camera wrote into it: all that is ever shown.
    shown_sha256 TEXT    NOT NULL,
    received_at  INTEGER NOT NULL
) STRICT;
INSERT INTO attachments_apart (id, case_number, content_type, length, sha256, shown_sha256, received_at)
SELECT id, case_number, content_type, length, sha256, shown_sha256, received_at FROM attachments;
CREATE TABLE attachment_contents (
    attachment TEXT    NOT NULL REFERENCES attachments_apart (id) ON DELETE CASCADE,
    part       TEXT    NOT NULL CHECK (part IN ('original', 'shown')),
    encrypted  INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
    content    BLOB    NOT NULL,
    PRIMARY KEY (attachment, part)
) STRICT;
INSERT INTO attachment_contents (attachment, part, encrypted, content)
SELECT id, 'original', 0, content FROM attachments JOIN evidence_blobs ON evidence_blobs.sha256 = attachments.sha256;
INSERT INTO attachment_contents (attachment, part, encrypted, content)
SELECT id, 'shown', 0, content FROM attachments JOIN evidence_blobs ON evidence_blobs.sha256 = attachments.shown_sha256;
CREATE INDEX attachment_contents_plain ON attachment_contents (attachment) WHERE encrypted = 0;
DROP TABLE attachments;
ALTER TABLE attachments_apart RENAME TO attachments;
CREATE INDEX attachments_by_case ON attachments (case_number, received_at);
DELETE FROM evidence_blobs WHERE sha256 NOT IN (SELECT sha256 FROM evidence)
    AND sha256 NOT IN (SELECT sha256 FROM evidence_views);

-- The secret is wrapped by the master key of that number; plain where the city has none.
CREATE TABLE second_factors_wrapped (
    user_id   TEXT    PRIMARY KEY REFERENCES users (id),
    master    TEXT,
    secret    BLOB    NOT NULL CHECK (length(secret) = CASE WHEN master IS NULL THEN 20 ELSE 48 END),
    last_step INTEGER NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1))
) STRICT;
INSERT INTO second_factors_wrapped (user_id, master, secret, last_step, confirmed)
SELECT user_id, NULL, secret, last_step, confirmed FROM second_factors;
DROP TABLE second_factors;
ALTER TABLE second_factors_wrapped RENAME TO second_factors;
