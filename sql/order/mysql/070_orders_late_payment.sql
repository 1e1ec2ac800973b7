-- What becomes of money that comes for the order once it is cancelled as unpaid: '' (it goes back), 'revive' or 'revived'.
-- Without a CHECK, for which all orders that there are would be copied.
ALTER TABLE orders ADD COLUMN late_payment VARCHAR(8) NOT NULL DEFAULT ''
