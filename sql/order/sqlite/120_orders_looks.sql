-- How often payment-due was sent on for an order that was still pending. A message of fewer looks is one that another has overtaken.
ALTER TABLE orders ADD COLUMN looks INTEGER NOT NULL DEFAULT 0
