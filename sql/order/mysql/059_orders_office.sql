-- The office can cancel a paid order.
ALTER TABLE orders
    DROP CONSTRAINT orders_reason,
    ADD CONSTRAINT orders_reason CHECK (cancel_reason IN ('unpaid', 'buyer', 'released', 'office'))
