-- What readiness writes, to see that the database can be written.
CREATE TABLE IF NOT EXISTS probe (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT
