-- One row per seat that was sold. It is used once; what was used and then returned keeps when and where.
CREATE TABLE IF NOT EXISTS tickets (
    id           TEXT    NOT NULL PRIMARY KEY,
    order_id     TEXT    NOT NULL,
    screening_id TEXT    NOT NULL,
    number       INTEGER NOT NULL CHECK (number > 0),
    quantity     INTEGER NOT NULL CHECK (quantity >= number),
    state        TEXT    NOT NULL CHECK (state IN ('valid', 'used', 'void')),
    used_at      INTEGER,
    used_by      TEXT    NOT NULL DEFAULT '',
    used_gate    TEXT    NOT NULL DEFAULT '',
    used_key     TEXT    NOT NULL DEFAULT '',
    CHECK (state <> 'used' OR used_at IS NOT NULL),
    CHECK (state <> 'valid' OR used_at IS NULL)
) STRICT
