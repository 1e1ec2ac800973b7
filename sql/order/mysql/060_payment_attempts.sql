-- Tries to pay for an order, each with one provider. next_at is when a worker may take one, and changes with each claim.
CREATE TABLE IF NOT EXISTS payment_attempts (
    id         VARBINARY(64)   NOT NULL PRIMARY KEY,
    order_id   VARBINARY(64)   NOT NULL,
    provider   VARCHAR(16)     NOT NULL,
    amount     BIGINT          NOT NULL,
    currency   VARBINARY(8)    NOT NULL,
    state      VARCHAR(16)     NOT NULL,
    return_url VARBINARY(2048) NOT NULL,
    reference  VARBINARY(255)  NOT NULL DEFAULT '',
    action     VARCHAR(8000)   NOT NULL DEFAULT '',
    expires_at BIGINT          NOT NULL,
    tries      INT             NOT NULL DEFAULT 0,
    next_at    BIGINT          NOT NULL,
    created_at BIGINT          NOT NULL,
    changed_at BIGINT          NOT NULL,
    CONSTRAINT payment_attempts_amount CHECK (amount > 0),
    CONSTRAINT payment_attempts_state CHECK (state IN ('starting', 'open', 'paid', 'closed')),
    CONSTRAINT payment_attempts_action CHECK (state <> 'open' OR action <> ''),
    INDEX payment_attempts_by_order (order_id),
    INDEX payment_attempts_open (provider, state, next_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
