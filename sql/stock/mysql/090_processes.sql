-- The processes of the office that are alive: each renews its row every few seconds, and those that do not are taken out.
-- seen_at is by the database server's clock, and ahead_ms is how far the process's own is ahead of it.
CREATE TABLE IF NOT EXISTS processes (
    id         VARBINARY(64)  NOT NULL PRIMARY KEY,
    host       VARBINARY(255) NOT NULL,
    pid        BIGINT         NOT NULL,
    roles      VARCHAR(64)    NOT NULL,
    version    VARCHAR(255)   NOT NULL,
    started_at BIGINT         NOT NULL,
    seen_at    BIGINT         NOT NULL,
    ahead_ms   BIGINT         NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
