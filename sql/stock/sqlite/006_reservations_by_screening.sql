CREATE INDEX IF NOT EXISTS reservations_by_screening ON reservations (screening_id, created_at)
