-- An order can be cancelled because its tickets are not held. SQLite changes a constraint by a new table.
CREATE TABLE orders_with_released (
    id            TEXT    NOT NULL PRIMARY KEY,
    screening_id  TEXT    NOT NULL,
    buyer_id      TEXT    NOT NULL,
    quantity      INTEGER NOT NULL CHECK (quantity > 0),
    amount        INTEGER NOT NULL CHECK (amount >= 0),
    currency      TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('PENDING_PAYMENT', 'PAID', 'CANCELLED')),
    cancel_reason TEXT    CHECK (cancel_reason IN ('unpaid', 'buyer', 'released')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    settled_at    INTEGER,
    CHECK ((settled_at IS NULL) = (state = 'PENDING_PAYMENT')),
    CHECK ((cancel_reason IS NOT NULL) = (state = 'CANCELLED'))
) STRICT;
INSERT INTO orders_with_released SELECT id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason,
    created_at, expires_at, settled_at FROM orders ORDER BY id;
DROP TABLE orders;
ALTER TABLE orders_with_released RENAME TO orders
