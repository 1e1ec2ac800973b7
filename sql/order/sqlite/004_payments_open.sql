CREATE INDEX IF NOT EXISTS payments_open ON payments (result, order_id) WHERE result <> 'applied'
