CREATE INDEX IF NOT EXISTS tickets_by_order ON tickets (order_id, number)
