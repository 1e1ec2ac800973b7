-- The same as the reservation's order was sold under, or 'revived' once its tickets were taken again, which happens once.
-- Without a CHECK, which would read all reservations that there are.
ALTER TABLE reservations ADD COLUMN late_payment TEXT NOT NULL DEFAULT ''
