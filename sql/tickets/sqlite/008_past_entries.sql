-- Who came in by tickets that were deleted, because their orders are in the archive. An order that comes back takes its rows
-- from here, so that a used ticket is never valid again.
CREATE TABLE IF NOT EXISTS past_entries (
    screening_id TEXT    NOT NULL,
    order_id     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    quantity     INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('used', 'void')),
    used_at      INTEGER NOT NULL,
    used_by      TEXT    NOT NULL,
    used_gate    TEXT    NOT NULL,
    PRIMARY KEY (screening_id, order_id, number)
) STRICT, WITHOUT ROWID
