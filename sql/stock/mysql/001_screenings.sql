CREATE TABLE IF NOT EXISTS screenings (
    id             VARCHAR(64)  NOT NULL,
    movie          VARCHAR(255) NOT NULL,
    venue          VARCHAR(255) NOT NULL,
    starts_at      BIGINT       NOT NULL,
    price          BIGINT       NOT NULL CHECK (price >= 0),
    currency       VARCHAR(3)   NOT NULL,
    sale_opens_at  BIGINT       NOT NULL,
    sale_closes_at BIGINT       NOT NULL,
    per_user_limit BIGINT       NOT NULL CHECK (per_user_limit >= 0),
    created_at     BIGINT       NOT NULL,
    PRIMARY KEY (id),
    KEY screenings_by_start (starts_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
