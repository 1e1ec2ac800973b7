-- How far the orders of a cancelled screening have been ended. Passes go over its reservations until none is held or sold;
-- after_at and after_order are the last one that this pass has dealt with. next_at is when a worker may take it, and
-- changes with each claim.
CREATE TABLE IF NOT EXISTS cancellations (
    screening_id VARBINARY(64) NOT NULL PRIMARY KEY,
    began_at     BIGINT        NOT NULL,
    done_at      BIGINT,
    passes       INT           NOT NULL DEFAULT 0,
    after_at     BIGINT        NOT NULL DEFAULT 0,
    after_order  VARBINARY(64) NOT NULL DEFAULT '',
    next_at      BIGINT        NOT NULL,
    INDEX cancellations_open (done_at, next_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
