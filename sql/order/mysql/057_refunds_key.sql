ALTER TABLE refunds
    MODIFY id VARBINARY(64) NOT NULL,
    DROP PRIMARY KEY,
    ADD PRIMARY KEY (id),
    ADD INDEX refunds_by_payment (payment_id),
    ADD INDEX refunds_by_order (order_id),
    ADD INDEX refunds_open (provider, state, next_at)
