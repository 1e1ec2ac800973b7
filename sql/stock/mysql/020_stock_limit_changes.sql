-- How often the limit per buyer was changed: a transaction that was planned under another one fails.
ALTER TABLE stock ADD COLUMN limit_changes BIGINT NOT NULL DEFAULT 0
