-- What becomes of money that comes for an order that is cancelled as unpaid: '' (it goes back) or 'revive'.
ALTER TABLE screenings ADD COLUMN late_payment VARCHAR(8) NOT NULL DEFAULT '' CHECK (late_payment IN ('', 'revive'))
