-- Since when a screening is archived: nothing of it is sold or changed any more.
ALTER TABLE stock ADD COLUMN archived_at INTEGER
