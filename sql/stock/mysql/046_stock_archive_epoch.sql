-- How often a worker has begun or taken an archive of the screening: who comes later has a larger number.
ALTER TABLE stock ADD COLUMN archive_epoch BIGINT NOT NULL DEFAULT 0
