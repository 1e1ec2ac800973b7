-- What readiness writes, to see that the database can be written.
CREATE TABLE IF NOT EXISTS probe (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
) ENGINE = InnoDB
