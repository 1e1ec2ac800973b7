CREATE TABLE IF NOT EXISTS refunds (
    payment_id TEXT    NOT NULL PRIMARY KEY,
    order_id   TEXT    NOT NULL,
    amount     INTEGER NOT NULL,
    currency   TEXT    NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('order_cancelled', 'already_paid')),
    state      TEXT    NOT NULL CHECK (state IN ('due')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID
