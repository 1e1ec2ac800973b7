-- What a buyer's page shows of a screening, beside its title.
ALTER TABLE screenings ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE screenings ADD COLUMN poster_url TEXT NOT NULL DEFAULT '';
ALTER TABLE screenings ADD COLUMN map_url TEXT NOT NULL DEFAULT ''
