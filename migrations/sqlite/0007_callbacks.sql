-- Citizens to be rung back, one row for each contact that led to it. Moments are microseconds since 1970.
CREATE TABLE callbacks (
    origin      TEXT PRIMARY KEY REFERENCES contacts (id),
    number      TEXT NOT NULL,
    queue       TEXT NOT NULL,
    language    TEXT NOT NULL,
    topic       TEXT,
    case_number TEXT,
    why         TEXT NOT NULL,
    since       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    not_before  INTEGER NOT NULL,
    state       TEXT NOT NULL
) STRICT;

CREATE INDEX callbacks_by_state ON callbacks (state, since);
