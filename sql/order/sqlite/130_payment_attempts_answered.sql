-- When a provider said last that an attempt can be paid: as long as it says so, the attempt is not given up.
ALTER TABLE payment_attempts ADD COLUMN answered_at INTEGER NOT NULL DEFAULT 0
