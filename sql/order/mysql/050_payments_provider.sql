-- Who has taken a payment's money, and how much of it goes back or has gone back: never more than came.
ALTER TABLE payments
    ADD COLUMN provider VARCHAR(16) NOT NULL DEFAULT 'webhook',
    ADD COLUMN refunded BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT payments_refunded CHECK (refunded BETWEEN 0 AND amount)
