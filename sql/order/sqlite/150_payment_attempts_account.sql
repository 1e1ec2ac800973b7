-- With which account of its provider an attempt was started: another one knows nothing of it. Empty: nobody knows, or the provider names none.
ALTER TABLE payment_attempts ADD COLUMN account TEXT NOT NULL DEFAULT ''
