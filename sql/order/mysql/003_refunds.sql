CREATE TABLE IF NOT EXISTS refunds (
    payment_id VARCHAR(255) NOT NULL PRIMARY KEY,
    order_id   VARCHAR(255) NOT NULL,
    amount     BIGINT       NOT NULL,
    currency   VARCHAR(8)   NOT NULL,
    reason     VARCHAR(16)  NOT NULL,
    state      VARCHAR(16)  NOT NULL,
    created_at BIGINT       NOT NULL,
    CONSTRAINT refunds_reason CHECK (reason IN ('order_cancelled', 'already_paid')),
    CONSTRAINT refunds_state CHECK (state IN ('due'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
