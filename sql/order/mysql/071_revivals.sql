-- Orders that were cancelled as unpaid, and for which money waits until stock says whether their tickets are still there.
-- next_at is when stock is asked again, and changes with each claim.
CREATE TABLE IF NOT EXISTS revivals (
    order_id VARBINARY(64) NOT NULL PRIMARY KEY,
    since    BIGINT        NOT NULL,
    tries    INT           NOT NULL DEFAULT 0,
    next_at  BIGINT        NOT NULL,
    INDEX revivals_due (next_at)
) ENGINE = InnoDB
