CREATE TABLE IF NOT EXISTS orders (
    id            VARCHAR(64)  NOT NULL PRIMARY KEY,
    screening_id  VARCHAR(64)  NOT NULL,
    buyer_id      VARCHAR(255) NOT NULL,
    quantity      BIGINT       NOT NULL,
    amount        BIGINT       NOT NULL,
    currency      VARCHAR(8)   NOT NULL,
    state         VARCHAR(16)  NOT NULL,
    cancel_reason VARCHAR(16),
    created_at    BIGINT       NOT NULL,
    expires_at    BIGINT       NOT NULL,
    settled_at    BIGINT,
    CONSTRAINT orders_quantity CHECK (quantity > 0),
    CONSTRAINT orders_amount CHECK (amount >= 0),
    CONSTRAINT orders_state CHECK (state IN ('PENDING_PAYMENT', 'PAID', 'CANCELLED')),
    CONSTRAINT orders_reason CHECK (cancel_reason IN ('unpaid', 'buyer')),
    CONSTRAINT orders_settled CHECK ((settled_at IS NULL) = (state = 'PENDING_PAYMENT')),
    CONSTRAINT orders_cancelled CHECK ((cancel_reason IS NOT NULL) = (state = 'CANCELLED'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
