-- Which process let a ticket's bearer in: host name and process number. Empty is one from before.
ALTER TABLE tickets ADD COLUMN used_process TEXT NOT NULL DEFAULT ''
