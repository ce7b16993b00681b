-- What was published: dialplan, city plan and prompt texts, who brought which text into force and when. The texts lie
-- apart, by their SHA-256, so that what is published again takes no room.

CREATE TABLE plan_texts (
    sha256 TEXT PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT;

CREATE TABLE plan_versions (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    file   TEXT    NOT NULL,
    sha256 TEXT    NOT NULL REFERENCES plan_texts (sha256),
    at     INTEGER NOT NULL,
    actor  TEXT    NOT NULL,
    how    TEXT    NOT NULL CHECK (how IN ('started', 'published', 'restored', 'set_aside'))
) STRICT;
CREATE INDEX plan_versions_by_file ON plan_versions (file, id);
