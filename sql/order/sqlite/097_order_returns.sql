-- Paid orders that the office has cancelled, until the message is stored by which stock has their tickets on sale again.
CREATE TABLE IF NOT EXISTS order_returns (
    order_id TEXT    NOT NULL PRIMARY KEY,
    next_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS order_returns_due ON order_returns (next_at)
