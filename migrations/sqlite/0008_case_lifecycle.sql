-- Archived cases are as little open as closed ones are; what is listed by the time of its closing; relations and the
-- visits of inspectors in tables of their own, to be found from either side.
ALTER TABLE cases ADD COLUMN closed_at INTEGER;
ALTER TABLE cases ADD COLUMN level INTEGER NOT NULL DEFAULT 0;
UPDATE cases SET closed_at = json_extract(body, '$.state.closed_at') WHERE state = 'closed';

DROP INDEX open_cases;
DROP INDEX open_cases_by_street;
DROP INDEX open_cases_by_latitude;
CREATE INDEX open_cases ON cases (state) WHERE state NOT IN ('closed', 'archived');
CREATE INDEX open_cases_by_street ON cases (street, house)
    WHERE street IS NOT NULL AND state NOT IN ('closed', 'archived');
CREATE INDEX open_cases_by_latitude ON cases (lat) WHERE lat IS NOT NULL AND state NOT IN ('closed', 'archived');
CREATE INDEX closed_cases ON cases (closed_at) WHERE state = 'closed';

-- The later case, how it belongs to the earlier one, the earlier one.
CREATE TABLE case_relations (
    case_number TEXT NOT NULL REFERENCES cases (number),
    kind        TEXT NOT NULL,
    other       TEXT NOT NULL REFERENCES cases (number),
    PRIMARY KEY (case_number, kind, other)
) STRICT;
CREATE INDEX case_relations_by_other ON case_relations (other);

-- Closed cases that were drawn for a visit, by the hash of the entry that closed them.
CREATE TABLE inspections (
    case_number  TEXT    NOT NULL REFERENCES cases (number),
    cycle        INTEGER NOT NULL,
    entry        INTEGER NOT NULL REFERENCES journal (seq),
    drawn_at     INTEGER NOT NULL,
    inspected_at INTEGER,
    passed       INTEGER,
    PRIMARY KEY (case_number, cycle)
) STRICT;
CREATE INDEX inspections_due ON inspections (drawn_at) WHERE inspected_at IS NULL;
