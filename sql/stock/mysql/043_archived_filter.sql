-- A Bloom filter of archived_requests, in blocks: a tenth of its size, so that it stays in memory. Block -1 is a lock.
CREATE TABLE IF NOT EXISTS archived_filter (
    block INT            NOT NULL,
    layer INT            NOT NULL,
    bits  VARBINARY(256) NOT NULL,
    PRIMARY KEY (block, layer)
) ENGINE = InnoDB
