-- An order that is being paid: until ask_until it is cancelled only after its payment provider was asked, and its deadline
-- has been extended once or not at all. The office can cancel a paid order. SQLite changes a constraint by a new table.
CREATE TABLE orders_held (
    id            TEXT    NOT NULL PRIMARY KEY,
    screening_id  TEXT    NOT NULL,
    buyer_id      TEXT    NOT NULL,
    quantity      INTEGER NOT NULL CHECK (quantity > 0),
    amount        INTEGER NOT NULL CHECK (amount >= 0),
    currency      TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('PENDING_PAYMENT', 'PAID', 'CANCELLED')),
    cancel_reason TEXT    CHECK (cancel_reason IN ('unpaid', 'buyer', 'released', 'office')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    settled_at    INTEGER,
    ask_until     INTEGER NOT NULL DEFAULT 0,
    extended      INTEGER NOT NULL DEFAULT 0 CHECK (extended IN (0, 1)),
    CHECK ((settled_at IS NULL) = (state = 'PENDING_PAYMENT')),
    CHECK ((cancel_reason IS NOT NULL) = (state = 'CANCELLED'))
) STRICT;
INSERT INTO orders_held (id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason, created_at,
    expires_at, settled_at) SELECT id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason,
    created_at, expires_at, settled_at FROM orders ORDER BY id;
DROP TABLE orders;
ALTER TABLE orders_held RENAME TO orders
