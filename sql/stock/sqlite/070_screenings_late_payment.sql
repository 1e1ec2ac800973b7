-- What becomes of money that comes for an order that is cancelled as unpaid: '' (it goes back) or 'revive'.
ALTER TABLE screenings ADD COLUMN late_payment TEXT NOT NULL DEFAULT '' CHECK (late_payment IN ('', 'revive'))
