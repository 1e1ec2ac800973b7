ALTER TABLE refunds
    DROP CONSTRAINT refunds_reason,
    ADD CONSTRAINT refunds_reason CHECK (reason IN ('order_cancelled', 'already_paid', 'wrong_amount', 'no_order', 'office'))
