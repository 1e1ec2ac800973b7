CREATE TABLE IF NOT EXISTS stock (
    screening_id VARCHAR(64) NOT NULL,
    capacity     BIGINT      NOT NULL CHECK (capacity >= 0),
    available    BIGINT      NOT NULL CHECK (available >= 0),
    reserved     BIGINT      NOT NULL CHECK (reserved >= 0),
    sold         BIGINT      NOT NULL CHECK (sold >= 0),
    sales        BIGINT      NOT NULL DEFAULT 0 CHECK (sales >= 0),
    PRIMARY KEY (screening_id),
    CHECK (available + reserved + sold = capacity)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
