-- The latest worker at the archive of a screening: an earlier one, which was taken for dead, changes no order any more.
CREATE TABLE IF NOT EXISTS archive_epochs (
    screening_id TEXT    NOT NULL PRIMARY KEY,
    epoch        INTEGER NOT NULL
) STRICT, WITHOUT ROWID
