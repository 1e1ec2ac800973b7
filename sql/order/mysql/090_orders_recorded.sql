-- When an order's row was made, which is later than the purchase by the way of its message. 0 is an order from before.
ALTER TABLE orders ADD COLUMN recorded_at BIGINT NOT NULL DEFAULT 0
