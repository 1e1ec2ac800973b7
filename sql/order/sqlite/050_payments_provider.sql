-- Who has taken a payment's money, and how much of it goes back or has gone back: never more than came.
ALTER TABLE payments ADD COLUMN provider TEXT NOT NULL DEFAULT 'webhook';
ALTER TABLE payments ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount);
UPDATE payments SET refunded = amount WHERE result IN ('refund_due', 'mismatch') AND amount > 0
