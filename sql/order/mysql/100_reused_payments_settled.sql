-- Who sent a payment with the id of another one, and when a person has cleared up what became of its money; 0: not yet.
ALTER TABLE reused_payments
    ADD COLUMN provider VARCHAR(16) NOT NULL DEFAULT 'webhook',
    ADD COLUMN settled_at BIGINT NOT NULL DEFAULT 0
