-- What is told, once each: the id is made of order, kind, what it is about and channel. about is the reason of a
-- cancellation or the id of a refund, whose amount and currency stand beside it. next_at is when a worker may take it, and
-- changes with each claim.
CREATE TABLE IF NOT EXISTS notifications (
    id           VARBINARY(160) NOT NULL PRIMARY KEY,
    order_id     VARBINARY(64)  NOT NULL,
    screening_id VARBINARY(64)  NOT NULL,
    buyer_id     VARBINARY(128) NOT NULL,
    kind         VARCHAR(16)    NOT NULL,
    channel      VARCHAR(16)    NOT NULL,
    about        VARBINARY(64)  NOT NULL,
    amount       BIGINT         NOT NULL DEFAULT 0,
    currency     VARBINARY(8)   NOT NULL DEFAULT '',
    state        VARCHAR(16)    NOT NULL,
    sent_to      VARBINARY(254) NOT NULL DEFAULT '',
    tries        INT            NOT NULL DEFAULT 0,
    last_error   VARCHAR(500)   NOT NULL DEFAULT '',
    created_at   BIGINT         NOT NULL,
    next_at      BIGINT         NOT NULL,
    sent_at      BIGINT         NULL,
    CONSTRAINT notifications_kind CHECK (kind IN ('reserved', 'paid', 'cancelled', 'refunded')),
    CONSTRAINT notifications_channel CHECK (channel IN ('mail', 'sms')),
    CONSTRAINT notifications_state CHECK (state IN ('due', 'sent', 'dead', 'skipped')),
    CONSTRAINT notifications_sent CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    INDEX notifications_by_order (order_id),
    INDEX notifications_by_buyer (buyer_id, created_at),
    INDEX notifications_by_screening (screening_id, order_id),
    INDEX notifications_due (state, channel, next_at),
    INDEX notifications_by_state (state, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
