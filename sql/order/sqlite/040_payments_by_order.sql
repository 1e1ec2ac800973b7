-- What paid an order is looked for when the order is archived, or its tickets turn out to be somebody else's.
CREATE INDEX IF NOT EXISTS payments_by_order ON payments (order_id)
