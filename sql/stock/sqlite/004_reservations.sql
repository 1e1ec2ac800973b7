CREATE TABLE IF NOT EXISTS reservations (
    order_id     TEXT    NOT NULL PRIMARY KEY,
    request_id   TEXT    NOT NULL UNIQUE,
    screening_id TEXT    NOT NULL,
    buyer_id     TEXT    NOT NULL,
    quantity     INTEGER NOT NULL CHECK (quantity > 0),
    amount       INTEGER NOT NULL CHECK (amount >= 0),
    currency     TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('reserved', 'sold', 'released')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    sweep_at     INTEGER,
    settled_at   INTEGER,
    CHECK ((state = 'reserved') = (sweep_at IS NOT NULL)),
    CHECK ((state = 'reserved') = (settled_at IS NULL))
) STRICT
