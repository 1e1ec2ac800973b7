-- Paid orders that the office has cancelled, until the message is stored by which stock has their tickets on sale again.
CREATE TABLE IF NOT EXISTS order_returns (
    order_id VARBINARY(64) NOT NULL PRIMARY KEY,
    next_at  BIGINT        NOT NULL,
    INDEX order_returns_due (next_at)
) ENGINE = InnoDB
