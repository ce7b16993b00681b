-- Why an order went to its executor, and organisations that work with the lead.
ALTER TABLE work_orders ADD COLUMN because TEXT;

CREATE TABLE work_order_parts (
    order_id TEXT NOT NULL REFERENCES work_orders (id),
    executor TEXT NOT NULL,
    PRIMARY KEY (order_id, executor)
) STRICT;

CREATE INDEX work_order_parts_by_executor ON work_order_parts (executor, order_id);

-- Executors outside: the telephone they are rung at, and the code by which they are known when they call. The beginning of
-- a code names its owner, the whole is kept as a hash. Moments are microseconds since 1970.
CREATE TABLE field_phones (
    user_id      TEXT PRIMARY KEY REFERENCES users (id),
    phone        TEXT,
    code_name    TEXT UNIQUE,
    code_hash    TEXT,
    -- Wrong codes in a row, since the last right one.
    wrong        INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER
) STRICT;

-- Calls of executors to applicants through the city, one row for each that was begun.
CREATE TABLE masked_calls (
    contact     TEXT PRIMARY KEY,
    order_id    TEXT NOT NULL REFERENCES work_orders (id),
    case_number TEXT NOT NULL,
    user_id     TEXT NOT NULL REFERENCES users (id),
    at          INTEGER NOT NULL
) STRICT;

CREATE INDEX masked_calls_by_order ON masked_calls (order_id, at);
CREATE INDEX masked_calls_by_user ON masked_calls (user_id, at);
