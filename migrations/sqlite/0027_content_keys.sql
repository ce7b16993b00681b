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
CREATE INDEX content_keys_by_master ON content_keys (master, subject) WHERE destroyed_at IS NULL;

-- Since when the file of the recording is encrypted; none while it is plain.
ALTER TABLE recordings ADD COLUMN encrypted_at INTEGER;
CREATE INDEX recordings_plain ON recordings (started_at, id)
    WHERE state = 'sealed' AND sha256 IS NOT NULL AND encrypted_at IS NULL;
