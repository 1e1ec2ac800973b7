CREATE TABLE IF NOT EXISTS fences (
    tx_id   VARCHAR(64) NOT NULL,
    outcome VARCHAR(11) NOT NULL CHECK (outcome IN ('committed', 'rolled_back')),
    PRIMARY KEY (tx_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
