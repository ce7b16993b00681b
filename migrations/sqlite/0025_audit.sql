-- What auditors look for, and what they leave behind.

-- The words of each case, to be searched: its description and what was noted to it. They are kept nowhere twice, only the
-- index of them is here; it follows the rows by itself, also when words are taken out of them.
CREATE TABLE case_texts (
    id          INTEGER PRIMARY KEY,
    case_number TEXT    NOT NULL UNIQUE REFERENCES cases (number)
) STRICT;
-- The modifier apostrophe parts words as the others do: "п'ять" is written with either.
CREATE VIRTUAL TABLE case_words USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2 separators 'ʼ'"
);
INSERT INTO case_texts (case_number) SELECT number FROM cases ORDER BY registered_at, number;
INSERT INTO case_words (rowid, words)
SELECT case_texts.id, COALESCE(json_extract(cases.body, '$.description'), '') || ' '
    || COALESCE((SELECT group_concat(text, ' ') FROM notes WHERE notes.case_number = cases.number), '')
FROM case_texts JOIN cases ON cases.number = case_texts.case_number;

CREATE TRIGGER words_of_new_case AFTER INSERT ON cases
BEGIN
    INSERT INTO case_texts (case_number) VALUES (NEW.number);
    INSERT INTO case_words (rowid, words)
    SELECT id, COALESCE(json_extract(NEW.body, '$.description'), '') FROM case_texts WHERE case_number = NEW.number;
END;
CREATE TRIGGER words_of_changed_case AFTER UPDATE OF body ON cases
WHEN json_extract(NEW.body, '$.description') IS NOT json_extract(OLD.body, '$.description')
BEGIN
    DELETE FROM case_words WHERE rowid = (SELECT id FROM case_texts WHERE case_number = NEW.number);
    INSERT INTO case_words (rowid, words)
    SELECT id, COALESCE(json_extract(NEW.body, '$.description'), '') || ' '
        || COALESCE((SELECT group_concat(text, ' ') FROM notes WHERE case_number = NEW.number), '')
    FROM case_texts WHERE case_number = NEW.number;
END;
CREATE TRIGGER words_of_note AFTER INSERT ON notes
BEGIN
    DELETE FROM case_words WHERE rowid = (SELECT id FROM case_texts WHERE case_number = NEW.case_number);
    INSERT INTO case_words (rowid, words)
    SELECT case_texts.id, COALESCE(json_extract(cases.body, '$.description'), '') || ' '
        || COALESCE((SELECT group_concat(text, ' ') FROM notes WHERE case_number = NEW.case_number), '')
    FROM case_texts JOIN cases ON cases.number = case_texts.case_number WHERE case_texts.case_number = NEW.case_number;
END;
CREATE TRIGGER words_of_changed_note AFTER UPDATE OF text ON notes
BEGIN
    DELETE FROM case_words WHERE rowid = (SELECT id FROM case_texts WHERE case_number = NEW.case_number);
    INSERT INTO case_words (rowid, words)
    SELECT case_texts.id, COALESCE(json_extract(cases.body, '$.description'), '') || ' '
        || COALESCE((SELECT group_concat(text, ' ') FROM notes WHERE case_number = NEW.case_number), '')
    FROM case_texts JOIN cases ON cases.number = case_texts.case_number WHERE case_texts.case_number = NEW.case_number;
END;
CREATE TRIGGER words_of_deleted_note AFTER DELETE ON notes
BEGIN
    DELETE FROM case_words WHERE rowid = (SELECT id FROM case_texts WHERE case_number = OLD.case_number);
    INSERT INTO case_words (rowid, words)
    SELECT case_texts.id, COALESCE(json_extract(cases.body, '$.description'), '') || ' '
        || COALESCE((SELECT group_concat(text, ' ') FROM notes WHERE case_number = OLD.case_number), '')
    FROM case_texts JOIN cases ON cases.number = case_texts.case_number WHERE case_texts.case_number = OLD.case_number;
END;

-- The category of the case a contact is on, beside the contact: a list of the calls of one category is read in its own
-- order, however many others there are. It follows contact and case by itself.
ALTER TABLE contacts ADD COLUMN category TEXT;
UPDATE contacts SET category = (SELECT category FROM cases WHERE number = contacts.case_number)
WHERE case_number IS NOT NULL;
CREATE INDEX contacts_by_category ON contacts (category, offered_at, id) WHERE category IS NOT NULL;
CREATE TRIGGER category_of_new_contact AFTER INSERT ON contacts WHEN NEW.case_number IS NOT NULL
BEGIN
    UPDATE contacts SET category = (SELECT category FROM cases WHERE number = NEW.case_number) WHERE id = NEW.id;
END;
CREATE TRIGGER category_of_moved_contact AFTER UPDATE OF case_number ON contacts
WHEN NEW.case_number IS NOT OLD.case_number
BEGIN
    UPDATE contacts SET category = (SELECT category FROM cases WHERE number = NEW.case_number) WHERE id = NEW.id;
END;
CREATE TRIGGER category_of_contacts AFTER UPDATE OF category ON cases WHEN NEW.category IS NOT OLD.category
BEGIN
    UPDATE contacts SET category = NEW.category WHERE case_number = NEW.number;
END;

-- What an auditor has to say about a moment of a recording. The journal has when, where and by whom, and the digest of the
-- words.
CREATE TABLE findings (
    id        TEXT    PRIMARY KEY,
    contact   TEXT    NOT NULL REFERENCES contacts (id),
    recording TEXT    NOT NULL REFERENCES recordings (id),
    -- Milliseconds from the start of the recording.
    offset_ms INTEGER NOT NULL CHECK (offset_ms >= 0),
    author    TEXT    NOT NULL REFERENCES users (id),
    at        INTEGER NOT NULL,
    text      TEXT    NOT NULL
) STRICT;
CREATE INDEX findings_by_contact ON findings (contact, offset_ms, id);
CREATE TRIGGER findings_refuse_update BEFORE UPDATE ON findings
BEGIN
    SELECT RAISE(ABORT, 'a finding is never altered');
END;
CREATE TRIGGER findings_refuse_delete BEFORE DELETE ON findings
BEGIN
    SELECT RAISE(ABORT, 'a finding is never deleted');
END;

-- Found from either side when rows and journal are compared.
CREATE INDEX journal_of_findings ON journal (seq) WHERE type = 'finding.noted';
