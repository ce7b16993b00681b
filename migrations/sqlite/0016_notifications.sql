-- Messages to applicants by SMS and e-mail, one row for each and each way it goes. `id` is what the gateway knows it by: a
-- message that is sent again after a crash has the same. `subject` and `text` hold a code that opens the case's page: they
-- are emptied as soon as the message is out. Moments are microseconds since 1970.
CREATE TABLE notifications (
    id          TEXT    PRIMARY KEY,
    -- None for a test message.
    case_number TEXT    REFERENCES cases (number),
    cycle       INTEGER,
    -- What it tells of: the moment of the registration, or that at which the evidence was accepted.
    since       INTEGER NOT NULL,
    occasion    TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    recipient   TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    subject     TEXT,
    text        TEXT,
    state       TEXT    NOT NULL,
    failure     TEXT,
    attempts    INTEGER NOT NULL,
    queued_at   INTEGER NOT NULL,
    -- Not sent before; while it is being sent, when it counts as broken off.
    not_before  INTEGER NOT NULL,
    -- Not sent after; once it is sent, when the gateway's report counts as missing.
    due_at      INTEGER,
    sent_at     INTEGER,
    settled_at  INTEGER,
    -- What the gateway calls it.
    gateway_id  TEXT,
    UNIQUE (case_number, since, occasion, channel)
) STRICT;
CREATE INDEX notifications_to_send ON notifications (channel, not_before) WHERE state IN ('queued', 'sending');
CREATE INDEX notifications_due ON notifications (due_at) WHERE settled_at IS NULL AND due_at IS NOT NULL;
CREATE INDEX notifications_by_gateway_id ON notifications (gateway_id) WHERE gateway_id IS NOT NULL;
CREATE INDEX notifications_by_recipient ON notifications (recipient, queued_at);
CREATE INDEX notifications_by_age ON notifications (queued_at);

-- Codes that came with messages; they open the case's page beside the one that was given when it was filed.
CREATE TABLE notification_codes (
    notification TEXT    PRIMARY KEY REFERENCES notifications (id),
    case_number  TEXT    NOT NULL REFERENCES cases (number),
    salt         TEXT    NOT NULL,
    sha256       TEXT    NOT NULL,
    given_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX notification_codes_by_case ON notification_codes (case_number, given_at);
