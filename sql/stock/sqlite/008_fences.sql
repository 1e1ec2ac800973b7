CREATE TABLE IF NOT EXISTS fences (
    tx_id   TEXT NOT NULL PRIMARY KEY,
    outcome TEXT NOT NULL CHECK (outcome IN ('committed', 'rolled_back'))
) STRICT, WITHOUT ROWID
