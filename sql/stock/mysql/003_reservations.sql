CREATE TABLE IF NOT EXISTS reservations (
    order_id     VARCHAR(26)  NOT NULL,
    tx_id        VARCHAR(36)  NOT NULL,
    screening_id VARCHAR(64)  NOT NULL,
    buyer_id     VARCHAR(255) NOT NULL,
    quantity     BIGINT       NOT NULL CHECK (quantity > 0),
    amount       BIGINT       NOT NULL CHECK (amount >= 0),
    currency     VARCHAR(3)   NOT NULL,
    state        VARCHAR(8)   NOT NULL CHECK (state IN ('reserved', 'sold', 'released')),
    created_at   BIGINT       NOT NULL,
    expires_at   BIGINT       NOT NULL,
    sweep_at     BIGINT,
    settled_at   BIGINT,
    PRIMARY KEY (order_id),
    KEY reservations_by_sweep (sweep_at),
    KEY reservations_by_screening (screening_id, created_at, order_id),
    CHECK ((state = 'reserved') = (sweep_at IS NOT NULL)),
    CHECK ((state = 'reserved') = (settled_at IS NULL))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
