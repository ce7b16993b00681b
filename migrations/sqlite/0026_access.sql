-- A session is known to people by `id`, never by its token; it ends at `expires_at`, or `idle_micros` after `seen_at` where it
-- has such a limit. `source` and `browser` are for its owner to know it again.
ALTER TABLE sessions ADD COLUMN id TEXT;
ALTER TABLE sessions ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN idle_micros INTEGER;
ALTER TABLE sessions ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
-- Sessions from before have none of this: everybody signs in once more.
DELETE FROM sessions WHERE one_time = 0;
CREATE UNIQUE INDEX sessions_by_id ON sessions (id) WHERE id IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Privacy classes of the city plan whose cases a person may read, JSON.
ALTER TABLE users ADD COLUMN clearances TEXT NOT NULL DEFAULT '[]';

-- The secret is what an authenticator app has; `last_step` the half minute of the code accepted last. Asked for once confirmed,
-- which `users.second_factor` repeats.
ALTER TABLE users ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0 CHECK (second_factor IN (0, 1));
CREATE TABLE second_factors (
    user_id   TEXT    PRIMARY KEY REFERENCES users (id),
    secret    BLOB    NOT NULL CHECK (length(secret) = 20),
    last_step INTEGER NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1))
) STRICT;
CREATE TABLE recovery_codes (
    user_id     TEXT NOT NULL REFERENCES users (id),
    code_sha256 TEXT NOT NULL,
    PRIMARY KEY (user_id, code_sha256)
) STRICT;
