-- Requests that come in writing: who may ask what became of them, what came with them, what citizens say afterwards.
-- Nothing of it is in the journal but that it came.

-- The types stand in store/public_requests.rs in the same order: an index is used only by the same words.
CREATE INDEX journal_of_public_updates ON journal (at, seq)
WHERE case_number IS NOT NULL AND type IN ('case.registered', 'wo.issued', 'wo.accepted', 'wo.declined', 'wo.started',
    'wo.reported', 'wo.returned', 'evidence.accepted', 'case.explained', 'case.forwarded', 'case.merged',
    'case.reopened', 'case.withdrawn', 'case.closed');
-- A page of the requests of one category, however many others there are.
CREATE INDEX cases_by_category ON cases (category, registered_at);

-- The code that opens a case's page: of each case the last one given, salted.
CREATE TABLE case_codes (
    case_number TEXT    PRIMARY KEY REFERENCES cases (number),
    salt        TEXT    NOT NULL,
    sha256      TEXT    NOT NULL,
    given_at    INTEGER NOT NULL
) STRICT;

-- What a request brought beside the case itself. `answers` is JSON: code and values of the category's attributes.
CREATE TABLE filings (
    case_number TEXT    PRIMARY KEY REFERENCES cases (number),
    -- 'page', or the name of the key it was filed with.
    source      TEXT    NOT NULL,
    filed_at    INTEGER NOT NULL,
    mail        TEXT,
    -- A picture somewhere else, as the applicant named it; nobody fetches it.
    media_url   TEXT,
    answers     TEXT    NOT NULL,
    -- May be called and written to at the number given.
    consent     INTEGER NOT NULL CHECK (consent IN (0, 1))
) STRICT;

-- Pictures from applicants; the bytes lie with those of the evidence.
CREATE TABLE attachments (
    id           TEXT    PRIMARY KEY,
    case_number  TEXT    NOT NULL REFERENCES cases (number),
    content_type TEXT    NOT NULL,
    length       INTEGER NOT NULL,
    sha256       TEXT    NOT NULL REFERENCES evidence_blobs (sha256),
    -- The same picture made small and without what the camera wrote into it: all that is ever shown.
    shown_sha256 TEXT    NOT NULL REFERENCES evidence_blobs (sha256),
    received_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX attachments_by_case ON attachments (case_number, received_at);

-- What applicants and other programs add to a request, in their words.
CREATE TABLE notes (
    id          TEXT    PRIMARY KEY,
    case_number TEXT    NOT NULL REFERENCES cases (number),
    source      TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_by_case ON notes (case_number, at);

-- What the applicant thinks of the result, once for each time the case was closed.
CREATE TABLE feedback (
    case_number TEXT    NOT NULL REFERENCES cases (number),
    cycle       INTEGER NOT NULL,
    score       INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),
    text        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (case_number, cycle)
) STRICT;
