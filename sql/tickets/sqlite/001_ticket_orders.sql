-- Orders that have tickets, or must never get any: one whose money went back is void for good, also if it comes first.
CREATE TABLE IF NOT EXISTS ticket_orders (
    order_id     TEXT    NOT NULL PRIMARY KEY,
    screening_id TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('issued', 'void')),
    created_at   INTEGER NOT NULL
) STRICT
