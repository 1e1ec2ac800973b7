package archive

import (
	"context"
	"time"

	"boxoffice/stock"
)

// KeptParked names those of the orders, for which money waits and none has come, whose money does not go back by itself. The
// tickets of some are held or sold: their order was lost, and comes back by the doctor. Others may be in the archive, and the
// money has come a second time. An id that this office has not made is no order's.
func KeptParked(ctx context.Context, s *stock.Stock, now time.Time, orderIDs []string) (map[string]bool, error) {
	reservations, err := s.ReservationsOf(ctx, orderIDs...)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, id := range orderIDs {
		if r, exists := reservations[id]; exists {
			kept[id] = r.State != stock.Released
			continue
		}
		made, err := stock.TimeOf(id)
		kept[id] = err == nil && now.Sub(made) >= AgeMin
	}
	return kept, nil
}
