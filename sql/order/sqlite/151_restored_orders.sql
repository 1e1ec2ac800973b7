-- Orders that were pending in a backup from which the database was restored, and whose payment providers have not all said what became
-- of the payments that have started since. next_at is when a worker may ask them again, and changes with each claim.
CREATE TABLE IF NOT EXISTS restored_orders (
    order_id TEXT    NOT NULL PRIMARY KEY,
    tries    INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL,
    until_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID
