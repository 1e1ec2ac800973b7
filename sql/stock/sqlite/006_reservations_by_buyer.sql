CREATE INDEX IF NOT EXISTS reservations_by_buyer ON reservations (buyer_id, created_at, order_id)
