CREATE TABLE IF NOT EXISTS holdings (
    screening_id VARCHAR(64)  NOT NULL,
    buyer_id     VARCHAR(255) NOT NULL,
    quantity     BIGINT       NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (screening_id, buyer_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
