CREATE INDEX IF NOT EXISTS reservations_by_sweep ON reservations (sweep_at) WHERE sweep_at IS NOT NULL
