-- What came for one order under the id of another payment.
CREATE INDEX IF NOT EXISTS reused_payments_by_order ON reused_payments (order_id)
