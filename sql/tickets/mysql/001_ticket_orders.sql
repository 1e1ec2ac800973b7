-- Orders that have tickets, or must never get any: one whose money went back is void for good, also if it comes first.
CREATE TABLE IF NOT EXISTS ticket_orders (
    order_id     VARBINARY(64) NOT NULL PRIMARY KEY,
    screening_id VARBINARY(64) NOT NULL,
    state        VARCHAR(16)   NOT NULL,
    created_at   BIGINT        NOT NULL,
    CONSTRAINT ticket_orders_state CHECK (state IN ('issued', 'void')),
    INDEX ticket_orders_by_screening (screening_id, order_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
