package stock

import "context"

// Books are the tickets of one currency over all screenings, and what they cost in minor units, without what is in the archive.
type Books struct {
	Currency                 string
	Sold, Reserved, Released int64 // tickets; those that were released are for sale again, or were
	SoldWorth, ReservedWorth int64
}

// AllBooks are the books of every currency.
type AllBooks struct {
	Of        map[string]Books // by currency
	Archiving bool             // a screening is on its way into the archive, or back: its orders go first, so the books cannot agree
}

// Books adds up all reservations, which reads each of them. Whoever compares it with the money that was paid is to know that
// a reservation follows its order by a message.
func (s *Stock) Books(ctx context.Context) (AllBooks, error) {
	var rows []struct {
		Currency string           `db:"currency"`
		State    ReservationState `db:"state"`
		Tickets  int64            `db:"tickets"`
		Worth    int64            `db:"worth"`
	}
	all := AllBooks{Of: map[string]Books{}}
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT currency, state, SUM(quantity) AS tickets, SUM(amount) AS worth
		FROM reservations GROUP BY currency, state`); err != nil {
		return AllBooks{}, s.failed("add up tickets", err)
	}
	if err := s.db.Reader().GetContext(ctx, &all.Archiving, `SELECT EXISTS (SELECT 1 FROM archives
		WHERE done_at IS NULL AND restored_at IS NULL)`); err != nil {
		return AllBooks{}, s.failed("look for archives under way", err)
	}
	for _, r := range rows {
		b := all.Of[r.Currency]
		b.Currency = r.Currency
		switch r.State {
		case Sold:
			b.Sold, b.SoldWorth = r.Tickets, r.Worth
		case Held:
			b.Reserved, b.ReservedWorth = r.Tickets, r.Worth
		case Released:
			b.Released = r.Tickets
		}
		all.Of[r.Currency] = b
	}
	return all, nil
}
