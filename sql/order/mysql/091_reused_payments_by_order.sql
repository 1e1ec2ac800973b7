-- What came for one order under the id of another payment.
ALTER TABLE reused_payments ADD INDEX reused_payments_by_order (order_id)
