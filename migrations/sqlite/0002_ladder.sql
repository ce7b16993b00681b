-- SIP messages of a call, secrets masked, numbered as they came; a gap in the numbers is what was left out. They live as
-- long as their contact.
CREATE TABLE ladder_messages (
    contact   TEXT    NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    direction TEXT    NOT NULL CHECK (direction IN ('received', 'sent')),
    transport TEXT    NOT NULL,
    local     TEXT    NOT NULL,
    remote    TEXT    NOT NULL,
    bytes     BLOB    NOT NULL,
    PRIMARY KEY (contact, seq)
) STRICT, WITHOUT ROWID;
