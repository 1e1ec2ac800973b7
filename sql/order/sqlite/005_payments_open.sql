CREATE INDEX IF NOT EXISTS payments_open ON payments (result, received_at) WHERE result <> 'applied'
