-- Where buyers want to be told. The address is nowhere else until something is sent to it.
CREATE TABLE IF NOT EXISTS contacts (
    buyer_id   TEXT    NOT NULL PRIMARY KEY,
    email      TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    language   TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK (email <> '' OR phone <> '')
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contacts_by_change ON contacts (changed_at, buyer_id)
