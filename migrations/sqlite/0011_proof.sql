-- What was found out about a picture when it came in, and what it looks like. `bits_across` and `bits_down` are its
-- fingerprint as signed 64-bit numbers, `band_0` to `band_3` the four 16-bit parts of the former, from the left: two
-- pictures that differ in at most 7 bits of `bits_across` agree in one band but for at most one bit.
CREATE TABLE evidence_checks (
    evidence    TEXT    PRIMARY KEY REFERENCES evidence (id),
    body        TEXT    NOT NULL,
    bits_across INTEGER,
    bits_down   INTEGER,
    band_0      INTEGER,
    band_1      INTEGER,
    band_2      INTEGER,
    band_3      INTEGER
) STRICT;
CREATE INDEX evidence_band_0 ON evidence_checks (band_0) WHERE band_0 IS NOT NULL;
CREATE INDEX evidence_band_1 ON evidence_checks (band_1) WHERE band_1 IS NOT NULL;
CREATE INDEX evidence_band_2 ON evidence_checks (band_2) WHERE band_2 IS NOT NULL;
CREATE INDEX evidence_band_3 ON evidence_checks (band_3) WHERE band_3 IS NOT NULL;
CREATE INDEX evidence_by_digest ON evidence (sha256);

-- Copies without metadata, for the screen; made from the original under this digest.
CREATE TABLE evidence_views (
    sha256  TEXT NOT NULL REFERENCES evidence_blobs (sha256),
    size    TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (sha256, size)
) STRICT;

-- What a person's device has sent already, by the key it gave: a repeated sending changes nothing. `asked` is a digest
-- of the request, so that a key cannot stand for two; `outcome` names what it made, where that has a name.
CREATE TABLE sent_requests (
    user_id TEXT    NOT NULL REFERENCES users (id),
    key     TEXT    NOT NULL,
    asked   TEXT    NOT NULL,
    outcome TEXT,
    at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT;
CREATE INDEX sent_requests_by_age ON sent_requests (at);
CREATE INDEX sent_requests_of_user ON sent_requests (user_id, at);
