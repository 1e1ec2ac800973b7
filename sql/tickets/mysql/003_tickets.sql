-- One row per seat that was sold. It is used once; what was used and then returned keeps when and where.
CREATE TABLE IF NOT EXISTS tickets (
    id           VARBINARY(80)  NOT NULL PRIMARY KEY,
    order_id     VARBINARY(64)  NOT NULL,
    screening_id VARBINARY(64)  NOT NULL,
    number       INT            NOT NULL,
    quantity     INT            NOT NULL,
    state        VARCHAR(16)    NOT NULL,
    used_at      BIGINT         NULL,
    used_by      VARBINARY(128) NOT NULL DEFAULT '',
    used_gate    VARBINARY(64)  NOT NULL DEFAULT '',
    used_key     VARBINARY(255) NOT NULL DEFAULT '',
    CONSTRAINT tickets_number CHECK (number > 0 AND quantity >= number),
    CONSTRAINT tickets_state CHECK (state IN ('valid', 'used', 'void')),
    CONSTRAINT tickets_used CHECK (state <> 'used' OR used_at IS NOT NULL),
    CONSTRAINT tickets_valid CHECK (state <> 'valid' OR used_at IS NULL),
    INDEX tickets_by_order (order_id, number),
    INDEX tickets_by_screening (screening_id, id, state)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
