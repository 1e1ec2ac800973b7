CREATE TABLE IF NOT EXISTS payments (
    id          TEXT    NOT NULL PRIMARY KEY,
    order_id    TEXT    NOT NULL,
    amount      INTEGER NOT NULL,
    currency    TEXT    NOT NULL,
    webhook_id  TEXT    NOT NULL,
    result      TEXT    NOT NULL CHECK (result IN ('applied', 'parked', 'refund_due', 'mismatch')),
    received_at INTEGER NOT NULL
) STRICT
