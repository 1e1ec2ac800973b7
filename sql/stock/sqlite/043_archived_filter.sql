-- A Bloom filter of archived_requests, in blocks: a tenth of its size, so that it stays in memory. Block -1 is a lock.
CREATE TABLE IF NOT EXISTS archived_filter (
    block INTEGER NOT NULL,
    layer INTEGER NOT NULL,
    bits  BLOB    NOT NULL,
    PRIMARY KEY (block, layer)
) STRICT, WITHOUT ROWID;
INSERT INTO archived_filter (block, layer, bits) VALUES (-1, 0, x'')
