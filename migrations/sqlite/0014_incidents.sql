-- Mass outages. `body` is the whole incident; the other columns are what is searched by. Their cases and the delivery
-- records of the closing wave follow from the cases and are written with them.
CREATE TABLE incidents (
    number      INTEGER PRIMARY KEY CHECK (number > 0),
    state       TEXT    NOT NULL,
    category    TEXT    NOT NULL,
    declared_at INTEGER NOT NULL,
    body        TEXT    NOT NULL
) STRICT;
CREATE INDEX incidents_in_force ON incidents (number) WHERE state IN ('open', 'restored');
CREATE TRIGGER incidents_are_never_deleted BEFORE DELETE ON incidents
BEGIN
    SELECT RAISE(ABORT, 'a declared incident is never deleted');
END;

-- One row for each incident a case was ever part of; the last stay counts. `restored_at` is when the closing wave came to
-- the case, `detached_at` when it left.
CREATE TABLE incident_cases (
    incident    INTEGER NOT NULL REFERENCES incidents (number),
    case_number TEXT    NOT NULL REFERENCES cases (number),
    attached_at INTEGER NOT NULL,
    restored_at INTEGER,
    detached_at INTEGER,
    PRIMARY KEY (incident, case_number)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_cases_by_case ON incident_cases (case_number);
-- What the closing wave has still to come to.
CREATE INDEX incident_cases_waiting ON incident_cases (incident, case_number)
    WHERE restored_at IS NULL AND detached_at IS NULL;

-- The delivery record of each applicant: one, whatever breaks in between. `whom` is the merged case they came with, empty
-- for the case's own applicant.
CREATE TABLE incident_notices (
    incident    INTEGER NOT NULL REFERENCES incidents (number),
    case_number TEXT    NOT NULL REFERENCES cases (number),
    whom        TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    queued_at   INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    PRIMARY KEY (incident, case_number, whom)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_notices_by_state ON incident_notices (incident, state);

-- The words stand in store/verify_incidents.rs in the same order: an index is used only by the same words.
CREATE INDEX journal_of_incidents ON journal (json_extract(data, '$.incident'), seq)
WHERE type IN ('incident.declared', 'incident.updated', 'incident.case_attached', 'incident.case_detached',
    'incident.restored', 'incident.told_all', 'incident.closed', 'incident.cancelled');
