-- The SHA-256 of the lines of an archive's file, in hexadecimal. Archives from before have none.
ALTER TABLE archives ADD COLUMN digest VARBINARY(64) NOT NULL DEFAULT ''
