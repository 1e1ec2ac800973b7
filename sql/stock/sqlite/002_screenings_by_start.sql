CREATE INDEX IF NOT EXISTS screenings_by_start ON screenings (starts_at, id)
