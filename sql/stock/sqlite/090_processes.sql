-- The processes of the office that are alive: each renews its row every few seconds, and those that do not are taken out.
-- seen_at is by the database server's clock, and ahead_ms is how far the process's own is ahead of it.
CREATE TABLE IF NOT EXISTS processes (
    id         TEXT    NOT NULL PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    roles      TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ahead_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID
