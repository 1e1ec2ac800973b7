CREATE TABLE IF NOT EXISTS orders (
    id            TEXT    NOT NULL PRIMARY KEY,
    screening_id  TEXT    NOT NULL,
    buyer_id      TEXT    NOT NULL,
    quantity      INTEGER NOT NULL CHECK (quantity > 0),
    amount        INTEGER NOT NULL CHECK (amount >= 0),
    currency      TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('PENDING_PAYMENT', 'PAID', 'CANCELLED')),
    cancel_reason TEXT    CHECK (cancel_reason IN ('unpaid', 'buyer')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    settled_at    INTEGER,
    CHECK ((settled_at IS NULL) = (state = 'PENDING_PAYMENT')),
    CHECK ((cancel_reason IS NOT NULL) = (state = 'CANCELLED'))
) STRICT
