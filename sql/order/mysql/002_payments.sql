CREATE TABLE IF NOT EXISTS payments (
    id          VARCHAR(255) NOT NULL PRIMARY KEY,
    order_id    VARCHAR(255) NOT NULL,
    amount      BIGINT       NOT NULL,
    currency    VARCHAR(8)   NOT NULL,
    webhook_id  VARCHAR(255) NOT NULL,
    result      VARCHAR(16)  NOT NULL,
    received_at BIGINT       NOT NULL,
    CONSTRAINT payments_result CHECK (result IN ('applied', 'parked', 'refund_due', 'mismatch')),
    INDEX payments_open (result, order_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
