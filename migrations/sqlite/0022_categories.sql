-- A category in one state: SQLite judges the state by the index and fetches only the rows that are shown.
DROP INDEX cases_by_category;
CREATE INDEX cases_by_category ON cases (category, registered_at, number, state);
