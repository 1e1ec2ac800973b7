-- Which process wrote it, and which one tried it last: host name and process number. Empty is one from before.
ALTER TABLE notifications
    ADD COLUMN made_by VARBINARY(128) NOT NULL DEFAULT '',
    ADD COLUMN tried_by VARBINARY(128) NOT NULL DEFAULT ''
