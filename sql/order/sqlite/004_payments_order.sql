CREATE INDEX IF NOT EXISTS payments_order ON payments (order_id)
