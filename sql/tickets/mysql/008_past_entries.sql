-- Who came in by tickets that were deleted, because their orders are in the archive. An order that comes back takes its rows
-- from here, so that a used ticket is never valid again.
CREATE TABLE IF NOT EXISTS past_entries (
    screening_id VARBINARY(64)  NOT NULL,
    order_id     VARBINARY(64)  NOT NULL,
    number       INT            NOT NULL,
    quantity     INT            NOT NULL,
    state        VARCHAR(16)    NOT NULL,
    used_at      BIGINT         NOT NULL,
    used_by      VARBINARY(128) NOT NULL,
    used_gate    VARBINARY(64)  NOT NULL,
    PRIMARY KEY (screening_id, order_id, number),
    CONSTRAINT past_entries_state CHECK (state IN ('used', 'void'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
