package stock

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// facts is what is known about a list of purchases.
type facts struct {
	screenings   map[string]Screening
	holdings     map[holding]int64
	reservations map[string]Reservation // by request id, of the purchases that were looked up
	archived     map[string]bool        // by request id, likewise: the order is in an archive
}

func (f facts) held(r PurchaseRequest) int64 { return f.holdings[holding{r.ScreeningID, r.BuyerID}] }

// refusal says why a purchase is ruled out by these facts, whatever becomes of the lists in flight.
func (f facts) refusal(r PurchaseRequest, now time.Time) error {
	screening, exists := f.screenings[r.ScreeningID]
	if !exists {
		return ErrScreeningNotFound
	}
	return screening.refusal(r, f.held(r), now)
}

// facts lets in from memory whom it can, without a statement; the database still judges them. Whoever memory would turn
// away is looked up, and so is everybody else who wants the same screening: what is read of it may turn them away as well.
func (s *Seller) facts(ctx context.Context, list []*purchase, now time.Time) (facts, error) {
	known, asked := s.stock.memory.recall(list)
	f := facts{screenings: known}
	var err error
	if f.holdings, err = s.stock.readHoldings(ctx, f.screenings, list); err != nil {
		return f, s.stock.failed("read holdings", err)
	}
	unsure := map[string]bool{} // screenings
	for _, p := range list {
		if f.refusal(p.request, now) != nil {
			unsure[p.request.ScreeningID] = true
		}
	}
	if len(unsure) == 0 {
		return f, nil
	}
	var wanted []*purchase
	for _, p := range list {
		if unsure[p.request.ScreeningID] {
			wanted = append(wanted, p)
		}
	}
	read, err := s.stock.readFacts(ctx, wanted)
	if err != nil {
		return f, err
	}
	s.stock.memory.keep(read.screenings, asked)
	maps.Copy(f.screenings, read.screenings)
	maps.Copy(f.holdings, read.holdings)
	f.reservations, f.archived = read.reservations, read.archived
	return f, nil
}

// readFacts looks up everything about these purchases. It reads reservations last: stock that is short because of a
// buyer's own earlier purchase must not hide that purchase from its retry.
func (s *Stock) readFacts(ctx context.Context, list []*purchase) (f facts, err error) {
	ids := make([]string, len(list))
	wanted := map[string]bool{}
	for i, p := range list {
		ids[i] = p.id
		wanted[p.request.ScreeningID] = true
	}
	if f.screenings, err = s.screeningsByID(ctx, slices.Collect(maps.Keys(wanted))); err != nil {
		return f, s.failed("read screenings", err)
	}
	if f.holdings, err = s.readHoldings(ctx, f.screenings, list); err != nil {
		return f, s.failed("read holdings", err)
	}
	if f.reservations, err = s.readReservations(ctx, ids); err != nil {
		return f, s.failed("read reservations", err)
	}
	if f.archived, err = archivedRequests(ctx, s.db.Reader(), ids); err != nil {
		return f, s.failed("read archived request ids", err)
	}
	return f, nil
}

// readHoldings reads what the buyers hold of those screenings that have a limit.
func (s *Stock) readHoldings(ctx context.Context, screenings map[string]Screening, list []*purchase) (map[holding]int64, error) {
	buyers := map[string][]string{} // by screening
	for _, p := range list {
		if id := p.request.ScreeningID; screenings[id].PerUserLimit > 0 {
			buyers[id] = append(buyers[id], p.request.BuyerID)
		}
	}
	held := map[holding]int64{}
	if len(buyers) == 0 {
		return held, nil
	}
	var wanted []string
	var args []any
	for id, of := range buyers {
		wanted = append(wanted, `screening_id = ? AND buyer_id IN `+among(len(of)))
		args = append(append(args, id), anys(of)...)
	}
	var rows []struct {
		ScreeningID string `db:"screening_id"`
		BuyerID     string `db:"buyer_id"`
		Quantity    int64  `db:"quantity"`
	}
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT screening_id, buyer_id, quantity FROM holdings
		WHERE `+strings.Join(wanted, " OR "), args...)
	for _, row := range rows {
		held[holding{row.ScreeningID, row.BuyerID}] = row.Quantity
	}
	return held, err
}

// readReservations reads, by request id, those that are there.
func (s *Stock) readReservations(ctx context.Context, requestIDs []string) (map[string]Reservation, error) {
	var rows []reservationRow
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT `+reservationColumns+` FROM reservations
		WHERE request_id IN `+among(len(requestIDs)), anys(requestIDs)...)
	found := make(map[string]Reservation, len(rows))
	for _, row := range rows {
		found[row.RequestID] = row.reservation()
	}
	return found, err
}
