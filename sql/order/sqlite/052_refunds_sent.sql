-- A refund has an id of its own, because a payment can go back in parts, and a state, because it is sent. sending counts
-- how often it was sent anew with another key, once its provider had spent one on a final no; next_at is when a worker may
-- take it, and changes with each claim. Those of earlier versions, which sent none, and wrong amounts, which had no refund,
-- wait for a person: the money of some has gone back by hand.
CREATE TABLE refunds_sent (
    id         TEXT    NOT NULL PRIMARY KEY,
    payment_id TEXT    NOT NULL,
    order_id   TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount > 0),
    currency   TEXT    NOT NULL,
    reason     TEXT    NOT NULL CHECK (reason IN ('order_cancelled', 'already_paid', 'wrong_amount', 'no_order', 'office')),
    state      TEXT    NOT NULL CHECK (state IN ('due', 'sent', 'done', 'failed', 'needs_attention', 'settled')),
    sending    INTEGER NOT NULL DEFAULT 0,
    spent      INTEGER NOT NULL DEFAULT 0 CHECK (spent IN (0, 1)),
    tries      INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    reference  TEXT    NOT NULL DEFAULT '',
    detail     TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO refunds_sent (id, payment_id, order_id, provider, amount, currency, reason, state, next_at, detail, created_at,
    changed_at)
    SELECT 'rf_' || lower(hex(randomblob(16))), id, order_id, 'webhook', amount, currency, CASE
        WHEN result = 'mismatch' THEN 'wrong_amount'
        ELSE COALESCE((SELECT r.reason FROM refunds r WHERE r.payment_id = payments.id), 'order_cancelled') END,
    'needs_attention', received_at, 'recorded before refunds were sent: it may have been made by hand', received_at, received_at
    FROM payments WHERE result IN ('refund_due', 'mismatch') AND amount > 0;
DROP TABLE refunds;
ALTER TABLE refunds_sent RENAME TO refunds;
CREATE INDEX refunds_by_payment ON refunds (payment_id);
CREATE INDEX refunds_by_order ON refunds (order_id);
CREATE INDEX refunds_open ON refunds (provider, state, next_at) WHERE state IN ('due', 'sent', 'failed', 'needs_attention')
