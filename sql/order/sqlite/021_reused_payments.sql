-- Payments that came with the id of another one, each claim once: no payment row is theirs, and money may have moved.
CREATE TABLE IF NOT EXISTS reused_payments (
    payment_id  TEXT    NOT NULL,
    order_id    TEXT    NOT NULL,
    amount      INTEGER NOT NULL,
    currency    TEXT    NOT NULL,
    webhook_id  TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (payment_id, order_id, amount, currency)
) STRICT, WITHOUT ROWID
