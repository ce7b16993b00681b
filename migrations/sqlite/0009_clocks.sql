-- When the watch over the clocks has something to do with a case; none when only people move it. Cases older than the
-- clocks are looked at once.
ALTER TABLE cases ADD COLUMN due_at INTEGER;
UPDATE cases SET due_at = registered_at WHERE state <> 'closed';
CREATE INDEX cases_by_due ON cases (due_at, number) WHERE due_at IS NOT NULL;

-- What is searched of the escalations; the whole of them is in the case.
CREATE TABLE escalations (
    case_number TEXT    NOT NULL REFERENCES cases (number),
    number      INTEGER NOT NULL CHECK (number > 0),
    executor    TEXT,
    raised_at   INTEGER NOT NULL,
    answered_at INTEGER,
    PRIMARY KEY (case_number, number)
) STRICT;
CREATE INDEX open_escalations ON escalations (raised_at, case_number, number) WHERE answered_at IS NULL;

-- Whom a post is asked through.
CREATE TABLE escalation_posts (
    case_number TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    post        TEXT    NOT NULL,
    PRIMARY KEY (case_number, number, post),
    FOREIGN KEY (case_number, number) REFERENCES escalations (case_number, number)
) STRICT;
CREATE INDEX escalations_by_post ON escalation_posts (post, case_number, number);

-- Post ids of the city plan that a person holds, as a JSON list.
ALTER TABLE users ADD COLUMN posts TEXT NOT NULL DEFAULT '[]';
