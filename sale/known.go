package sale

import (
	"context"
	"maps"
	"time"

	"boxoffice/stock"
)

// known is what is known about a list of purchases. Screenings may come from the cache; reservations and archived keys
// are there only of purchases that were looked up.
type known struct{ stock.Snapshot }

// refusal says why a purchase is ruled out by what is known, whatever becomes of the lists in flight.
func (k known) refusal(r Request, now time.Time) error {
	screening, exists := k.Screenings[r.ScreeningID]
	if !exists {
		return stock.ErrScreeningNotFound
	}
	return screening.Refusal(r.Quantity, k.Holdings[stock.Holding{ScreeningID: r.ScreeningID, BuyerID: r.BuyerID}], now)
}

// known lets in from the cache whom it can, without a statement; the database still judges them. Whoever the cache would
// turn away is looked up, and so is everybody else who wants the same screening: what is read of it may turn them away as
// well.
func (s *Seller) known(ctx context.Context, list []*purchase, now time.Time) (known, error) {
	screenings, asked := s.cache.recall(list)
	k := known{stock.Snapshot{Screenings: screenings}}
	var err error
	if k.Holdings, err = s.stock.Holdings(ctx, screenings, lookups(list)); err != nil {
		return k, err
	}
	unsure := map[string]bool{} // screenings
	for _, p := range list {
		if k.refusal(p.request, now) != nil {
			unsure[p.request.ScreeningID] = true
		}
	}
	if len(unsure) == 0 {
		return k, nil
	}
	var wanted []*purchase
	for _, p := range list {
		if unsure[p.request.ScreeningID] {
			wanted = append(wanted, p)
		}
	}
	read, err := s.stock.Snapshot(ctx, lookups(wanted))
	if err != nil {
		return k, err
	}
	s.cache.keep(read.Screenings, asked)
	maps.Copy(k.Screenings, read.Screenings)
	maps.Copy(k.Holdings, read.Holdings)
	k.Reservations, k.Archived = read.Reservations, read.Archived
	return k, nil
}

func lookups(list []*purchase) []stock.Lookup {
	wanted := make([]stock.Lookup, len(list))
	for i, p := range list {
		wanted[i] = stock.Lookup{RequestID: p.id, ScreeningID: p.request.ScreeningID, BuyerID: p.request.BuyerID}
	}
	return wanted
}
