-- What names the second of a recording that is not what was sealed: SHA-256 of each second of sound, 32 octets each, one
-- after the other. The root over them is in the journal (`rec.sealed`), so they prove themselves.
CREATE TABLE recording_seconds (
    recording TEXT PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
    leaves    BLOB NOT NULL
) STRICT;
-- Which recording a file found under another's name is, and whether a file has a row.
CREATE INDEX recordings_by_digest ON recordings (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX recordings_by_path ON recordings (path);
