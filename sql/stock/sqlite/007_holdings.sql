CREATE TABLE IF NOT EXISTS holdings (
    screening_id TEXT    NOT NULL,
    buyer_id     TEXT    NOT NULL,
    quantity     INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (screening_id, buyer_id)
) STRICT, WITHOUT ROWID
