package stock

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// facts is what the database says about a list of purchases.
type facts struct {
	screenings   map[string]Screening
	holdings     map[holding]int64
	reservations map[string]Reservation // by request id
}

func (f facts) held(r PurchaseRequest) int64 { return f.holdings[holding{r.ScreeningID, r.BuyerID}] }

// readFacts reads reservations after stock: stock that is short because of a buyer's own earlier purchase must not hide
// that purchase from its retry.
func (s *Stock) readFacts(ctx context.Context, list []*purchase) (facts, error) {
	f := facts{holdings: map[holding]int64{}, reservations: map[string]Reservation{}}
	buyers := map[string][]string{} // by screening
	ids := make([]string, 0, len(list))
	for _, p := range list {
		buyers[p.request.ScreeningID] = append(buyers[p.request.ScreeningID], p.request.BuyerID)
		ids = append(ids, p.id)
	}
	var err error
	if f.screenings, err = s.screeningsByID(ctx, slices.Collect(maps.Keys(buyers))); err != nil {
		return f, away("read screenings", err)
	}
	maps.DeleteFunc(buyers, func(id string, _ []string) bool { return f.screenings[id].PerUserLimit == 0 })
	if err := s.readBuyers(ctx, &f, ids, buyers); err != nil {
		return f, away("read reservations", err)
	}
	return f, nil
}

// readBuyers reads, in one statement, the reservations that are there and what the buyers hold under a limit. A row
// without an order id is a holding.
func (s *Stock) readBuyers(ctx context.Context, f *facts, ids []string, limited map[string][]string) error {
	query := `SELECT ` + reservationColumns + ` FROM reservations WHERE request_id IN ` + among(len(ids))
	args := anys(ids)
	var wanted []string
	for id, buyers := range limited {
		wanted = append(wanted, `screening_id = ? AND buyer_id IN `+among(len(buyers)))
		args = append(append(args, id), anys(buyers)...)
	}
	if len(wanted) > 0 {
		query += ` UNION ALL SELECT '', '', screening_id, buyer_id, quantity, 0, '', '', 0, 0 FROM holdings
			WHERE ` + strings.Join(wanted, " OR ")
	}
	var rows []reservationRow
	if err := s.db.Reader().SelectContext(ctx, &rows, query, args...); err != nil {
		return err
	}
	for _, row := range rows {
		if row.OrderID == "" {
			f.holdings[holding{row.ScreeningID, row.BuyerID}] = row.Quantity
		} else {
			f.reservations[row.RequestID] = row.reservation()
		}
	}
	return nil
}
