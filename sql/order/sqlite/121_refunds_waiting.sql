-- The oldest refunds that wait to be sent, or for a person, are read without the others.
CREATE INDEX IF NOT EXISTS refunds_waiting ON refunds (state, created_at, id) WHERE state IN ('due', 'failed', 'needs_attention')
