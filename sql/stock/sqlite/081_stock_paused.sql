-- Whether the sale rests, and since when the screening is cancelled, which is for good.
ALTER TABLE stock ADD COLUMN paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1));
ALTER TABLE stock ADD COLUMN cancelled_at INTEGER
