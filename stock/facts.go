package stock

import (
	"context"
	"maps"
	"slices"
)

// facts is what the database says about a list of purchases.
type facts struct {
	screenings   map[string]Screening
	holdings     map[holding]int64
	reservations map[string]Reservation
}

func (f facts) held(r PurchaseRequest) int64 { return f.holdings[holding{r.ScreeningID, r.BuyerID}] }

// readFacts reads reservations last: stock that is short because of a buyer's own earlier purchase must not hide that
// purchase from its retry.
func (s *Stock) readFacts(ctx context.Context, list []*purchase) (facts, error) {
	var f facts
	wanted := map[string][]string{} // buyers by screening
	ids := make([]string, 0, len(list))
	for _, p := range list {
		wanted[p.request.ScreeningID] = append(wanted[p.request.ScreeningID], p.request.BuyerID)
		ids = append(ids, p.id)
	}
	var err error
	if f.screenings, err = s.screeningsByID(ctx, slices.Collect(maps.Keys(wanted))); err != nil {
		return f, away("read screenings", err)
	}
	f.holdings = map[holding]int64{}
	for id, screening := range f.screenings {
		if screening.PerUserLimit == 0 {
			continue
		}
		if err := s.readHoldings(ctx, id, wanted[id], f.holdings); err != nil {
			return f, away("read holdings", err)
		}
	}
	if f.reservations, err = s.reservationsByID(ctx, ids); err != nil {
		return f, away("read reservations", err)
	}
	return f, nil
}
