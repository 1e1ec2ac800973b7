-- How far the orders of a cancelled screening have been ended. Passes go over its reservations until none is held or sold;
-- after_at and after_order are the last one that this pass has dealt with. next_at is when a worker may take it, and
-- changes with each claim.
CREATE TABLE IF NOT EXISTS cancellations (
    screening_id TEXT    NOT NULL PRIMARY KEY,
    began_at     INTEGER NOT NULL,
    done_at      INTEGER,
    passes       INTEGER NOT NULL DEFAULT 0,
    after_at     INTEGER NOT NULL DEFAULT 0,
    after_order  TEXT    NOT NULL DEFAULT '',
    next_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cancellations_open ON cancellations (next_at) WHERE done_at IS NULL
