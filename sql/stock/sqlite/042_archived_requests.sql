-- The request ids of archived orders, 16 bytes each, so that their keys are refused for ever.
CREATE TABLE IF NOT EXISTS archived_requests (
    request_id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID
