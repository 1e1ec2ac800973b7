-- What operators have done to orders and money by hand: who, when, to what, and why.
CREATE TABLE IF NOT EXISTS operator_acts (
    id      TEXT    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    act     TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    note    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS operator_acts_by_subject ON operator_acts (subject)
