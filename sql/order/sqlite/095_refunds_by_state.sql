-- Refunds that are not back are looked for among all that ever were.
CREATE INDEX IF NOT EXISTS refunds_by_state ON refunds (state, id)
