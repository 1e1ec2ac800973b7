-- Whether all orders of a screening are back from the archive, so that the office may act on them.
ALTER TABLE archive_epochs ADD COLUMN restored INTEGER NOT NULL DEFAULT 0
