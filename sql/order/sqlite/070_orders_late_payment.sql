-- What becomes of money that comes for the order once it is cancelled as unpaid: '' (it goes back), 'revive' or 'revived'.
-- Without a CHECK, which would read all orders that there are.
ALTER TABLE orders ADD COLUMN late_payment TEXT NOT NULL DEFAULT ''
