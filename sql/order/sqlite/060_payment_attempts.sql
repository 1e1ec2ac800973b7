-- Tries to pay for an order, each with one provider. next_at is when a worker may take one, and changes with each claim.
CREATE TABLE IF NOT EXISTS payment_attempts (
    id         TEXT    NOT NULL PRIMARY KEY,
    order_id   TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount > 0),
    currency   TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('starting', 'open', 'paid', 'closed')),
    return_url TEXT    NOT NULL,
    reference  TEXT    NOT NULL DEFAULT '',
    action     TEXT    NOT NULL DEFAULT '',
    expires_at INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK (state <> 'open' OR action <> '')
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payment_attempts_by_order ON payment_attempts (order_id);
CREATE INDEX IF NOT EXISTS payment_attempts_open ON payment_attempts (provider, next_at) WHERE state IN ('starting', 'open')
