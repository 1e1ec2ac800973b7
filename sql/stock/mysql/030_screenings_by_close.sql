-- What is on sale or will be: after years of screenings they are few.
ALTER TABLE screenings ADD INDEX screenings_by_close (sale_closes_at, starts_at, id)
