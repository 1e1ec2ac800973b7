-- Orders that were cancelled as unpaid, and for which money waits until stock says whether their tickets are still there.
-- next_at is when stock is asked again, and changes with each claim.
CREATE TABLE IF NOT EXISTS revivals (
    order_id TEXT    NOT NULL PRIMARY KEY,
    since    INTEGER NOT NULL,
    tries    INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revivals_due ON revivals (next_at)
