-- Whether the sale rests, and since when the screening is cancelled, which is for good.
ALTER TABLE stock
    ADD COLUMN paused SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN cancelled_at BIGINT
