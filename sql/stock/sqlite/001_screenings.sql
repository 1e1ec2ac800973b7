CREATE TABLE IF NOT EXISTS screenings (
    id             TEXT    NOT NULL PRIMARY KEY,
    movie          TEXT    NOT NULL,
    venue          TEXT    NOT NULL,
    starts_at      INTEGER NOT NULL,
    price          INTEGER NOT NULL CHECK (price >= 0),
    currency       TEXT    NOT NULL,
    sale_opens_at  INTEGER NOT NULL,
    sale_closes_at INTEGER NOT NULL,
    per_user_limit INTEGER NOT NULL CHECK (per_user_limit >= 0),
    created_at     INTEGER NOT NULL
) STRICT
