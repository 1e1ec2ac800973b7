-- What a buyer's page shows of a screening, beside its title.
ALTER TABLE screenings
    ADD COLUMN description VARCHAR(4000) NOT NULL DEFAULT '',
    ADD COLUMN poster_url VARBINARY(1000) NOT NULL DEFAULT '',
    ADD COLUMN map_url VARBINARY(1000) NOT NULL DEFAULT ''
