CREATE INDEX IF NOT EXISTS ticket_orders_by_screening ON ticket_orders (screening_id, order_id)
