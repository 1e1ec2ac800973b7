CREATE INDEX IF NOT EXISTS tickets_by_screening ON tickets (screening_id, id, state)
