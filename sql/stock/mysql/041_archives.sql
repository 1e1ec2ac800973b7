-- The books of an archived screening as one row of sums, and how far its way into the file has come.
CREATE TABLE IF NOT EXISTS archives (
    screening_id VARBINARY(64)  NOT NULL PRIMARY KEY,
    file         VARBINARY(512) NOT NULL,
    orders       BIGINT         NOT NULL DEFAULT 0,
    paid_orders  BIGINT         NOT NULL DEFAULT 0,
    tickets_sold BIGINT         NOT NULL DEFAULT 0,
    amount_paid  BIGINT         NOT NULL DEFAULT 0,
    began_at     BIGINT         NOT NULL,
    written_at   BIGINT         NULL,
    done_at      BIGINT         NULL,
    restored_at  BIGINT         NULL,
    worker       VARBINARY(64)  NOT NULL,
    lease_until  BIGINT         NOT NULL,
    CONSTRAINT archives_orders CHECK (orders >= 0),
    CONSTRAINT archives_paid CHECK (paid_orders >= 0 AND paid_orders <= orders),
    CONSTRAINT archives_sums CHECK (tickets_sold >= 0 AND amount_paid >= 0),
    CONSTRAINT archives_done CHECK (done_at IS NULL OR written_at IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
