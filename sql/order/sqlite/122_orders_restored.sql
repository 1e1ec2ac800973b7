-- 1 of an order that was pending in a backup from which the database was restored: payments of it may have started since.
ALTER TABLE orders ADD COLUMN restored INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1))
