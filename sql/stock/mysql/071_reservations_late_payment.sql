-- The same as the reservation's order was sold under, or 'revived' once its tickets were taken again, which happens once.
-- Without a CHECK, for which all reservations that there are would be copied.
ALTER TABLE reservations ADD COLUMN late_payment VARCHAR(8) NOT NULL DEFAULT ''
