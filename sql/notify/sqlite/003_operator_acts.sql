-- What operators have done to notifications by hand: who, when, to what, why, and what it changed, as JSON objects.
CREATE TABLE IF NOT EXISTS operator_acts (
    id            TEXT    NOT NULL PRIMARY KEY,
    at            INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    act           TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    note          TEXT    NOT NULL,
    fields_before TEXT,
    fields_after  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS operator_acts_by_subject ON operator_acts (subject);
CREATE INDEX IF NOT EXISTS operator_acts_by_actor ON operator_acts (actor)
