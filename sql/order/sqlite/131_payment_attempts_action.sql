-- Until when a payer can do what an attempt asks for; 0: as long as it can be paid.
ALTER TABLE payment_attempts ADD COLUMN action_until INTEGER NOT NULL DEFAULT 0
