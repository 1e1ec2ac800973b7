-- What is on sale or will be: after years of screenings they are few.
CREATE INDEX IF NOT EXISTS screenings_by_close ON screenings (sale_closes_at, starts_at, id)
