-- The books of an archived screening as one row of sums, and how far its way into the file has come.
CREATE TABLE IF NOT EXISTS archives (
    screening_id TEXT    NOT NULL PRIMARY KEY,
    file         TEXT    NOT NULL,
    orders       INTEGER NOT NULL DEFAULT 0 CHECK (orders >= 0),
    paid_orders  INTEGER NOT NULL DEFAULT 0 CHECK (paid_orders >= 0 AND paid_orders <= orders),
    tickets_sold INTEGER NOT NULL DEFAULT 0 CHECK (tickets_sold >= 0),
    amount_paid  INTEGER NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
    began_at     INTEGER NOT NULL,
    written_at   INTEGER,
    done_at      INTEGER,
    restored_at  INTEGER,
    worker       TEXT    NOT NULL,
    lease_until  INTEGER NOT NULL,
    CHECK (done_at IS NULL OR written_at IS NOT NULL)
) STRICT, WITHOUT ROWID
