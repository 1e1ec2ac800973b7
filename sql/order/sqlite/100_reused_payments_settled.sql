-- Who sent a payment with the id of another one, and when a person has cleared up what became of its money; 0: not yet.
ALTER TABLE reused_payments ADD COLUMN provider TEXT NOT NULL DEFAULT 'webhook';
ALTER TABLE reused_payments ADD COLUMN settled_at INTEGER NOT NULL DEFAULT 0
