CREATE INDEX IF NOT EXISTS fences_by_age ON fences (created_at)
