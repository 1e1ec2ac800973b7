-- An order can be cancelled because its tickets are not held.
ALTER TABLE orders
    DROP CONSTRAINT orders_reason,
    ADD CONSTRAINT orders_reason CHECK (cancel_reason IN ('unpaid', 'buyer', 'released'))
