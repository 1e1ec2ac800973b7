-- Payments that came with the id of another one, each claim once: no payment row is theirs, and money may have moved.
CREATE TABLE IF NOT EXISTS reused_payments (
    payment_id  VARBINARY(255) NOT NULL,
    order_id    VARBINARY(255) NOT NULL,
    amount      BIGINT         NOT NULL,
    currency    VARBINARY(8)   NOT NULL,
    webhook_id  VARBINARY(255) NOT NULL,
    received_at BIGINT         NOT NULL,
    PRIMARY KEY (payment_id, order_id, amount, currency)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
