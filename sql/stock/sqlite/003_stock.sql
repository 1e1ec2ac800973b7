CREATE TABLE IF NOT EXISTS stock (
    screening_id TEXT    NOT NULL PRIMARY KEY,
    capacity     INTEGER NOT NULL CHECK (capacity >= 0),
    available    INTEGER NOT NULL CHECK (available >= 0),
    reserved     INTEGER NOT NULL CHECK (reserved >= 0),
    sold         INTEGER NOT NULL CHECK (sold >= 0),
    sales        INTEGER NOT NULL DEFAULT 0 CHECK (sales >= 0),
    CHECK (available + reserved + sold = capacity)
) STRICT
