-- Which process wrote it, and which one tried it last: host name and process number. Empty is one from before.
ALTER TABLE notifications ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE notifications ADD COLUMN tried_by TEXT NOT NULL DEFAULT ''
