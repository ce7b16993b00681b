-- What lists are read by in a large city. SQLite reads from an index alone what a row is judged by; only the rows that are
-- shown are fetched.

-- Few cases are open, whatever the city has closed: one state after the other, each in the order of the lists.
DROP INDEX open_cases;
CREATE INDEX open_cases ON cases (state, registered_at, number, resolve_by, category, executor, caller)
    WHERE state NOT IN ('closed', 'archived');

-- Parts of telephone numbers are looked for in the order of the list, without fetching what does not match.
DROP INDEX cases_by_registration;
CREATE INDEX cases_by_registration ON cases (registered_at, number, caller);
DROP INDEX contacts_by_offer;
CREATE INDEX contacts_by_offer ON contacts (offered_at, id, caller);
CREATE INDEX contacts_by_disposition ON contacts (disposition, offered_at, id) WHERE disposition IS NOT NULL;

-- The orders that are out come first by their deadline, and are few among all that were done.
CREATE INDEX work_orders_by_state ON work_orders (executor, state, resolve_by, id);
CREATE INDEX work_orders_of_all ON work_orders (state, resolve_by, id);
