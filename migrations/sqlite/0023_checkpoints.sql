-- Signed checkpoints of the journal's tree (C2SP tlog-checkpoint): what was published is kept for ever. `entry` is the number
-- of the journal entry that tells of it, written in the same transaction.
CREATE TABLE checkpoints (
    size  INTEGER PRIMARY KEY,
    root  TEXT    NOT NULL,
    note  TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    entry INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TRIGGER checkpoints_refuse_update BEFORE UPDATE ON checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are append-only');
END;
CREATE TRIGGER checkpoints_refuse_delete BEFORE DELETE ON checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are append-only');
END;
-- INSERT OR REPLACE deletes rows without firing the trigger above; and the journal grows.
CREATE TRIGGER checkpoints_grow BEFORE INSERT ON checkpoints
WHEN NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM checkpoints)
    OR EXISTS (SELECT 1 FROM checkpoints WHERE entry = NEW.entry)
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are append-only');
END;
