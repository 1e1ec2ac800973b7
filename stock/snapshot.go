package stock

import (
	"context"
	"maps"
	"slices"
	"strings"

	"boxoffice/common/db"
)

// Lookup names a purchase whose facts are wanted.
type Lookup struct{ RequestID, ScreeningID, BuyerID string }

// Snapshot is what the database says about a list of purchases. What is not there is absent.
type Snapshot struct {
	Screenings   map[string]Screening
	Holdings     map[Holding]int64      // where a limit holds
	Reservations map[string]Reservation // by request id
	Archived     map[string]bool        // by request id: the order has gone to an archive
}

// Snapshot reads everything about a list of purchases. It reads reservations last: stock that is short because of a
// buyer's own earlier purchase must not hide that purchase from its retry.
func (s *Stock) Snapshot(ctx context.Context, list []Lookup) (snapshot Snapshot, err error) {
	requests := make([]string, len(list))
	wanted := map[string]bool{}
	for i, l := range list {
		requests[i] = l.RequestID
		wanted[l.ScreeningID] = true
	}
	if snapshot.Screenings, err = s.ScreeningsByID(ctx, slices.Collect(maps.Keys(wanted))); err != nil {
		return snapshot, err
	}
	if snapshot.Holdings, err = s.Holdings(ctx, snapshot.Screenings, list); err != nil {
		return snapshot, err
	}
	if snapshot.Reservations, err = s.reservationsByRequest(ctx, requests); err != nil {
		return snapshot, s.failed("read reservations", err)
	}
	if snapshot.Archived, err = s.archivedRequests(ctx, s.db.Reader(), requests); err != nil {
		return snapshot, s.failed("read archived request ids", err)
	}
	return snapshot, nil
}

// Holdings reads what buyers hold of those screenings that have a limit.
func (s *Stock) Holdings(ctx context.Context, screenings map[string]Screening, list []Lookup) (map[Holding]int64, error) {
	buyers := map[string][]string{} // by screening
	for _, l := range list {
		if screenings[l.ScreeningID].PerUserLimit > 0 {
			buyers[l.ScreeningID] = append(buyers[l.ScreeningID], l.BuyerID)
		}
	}
	held := map[Holding]int64{}
	if len(buyers) == 0 {
		return held, nil
	}
	var wanted []string
	var args []any
	for id, of := range buyers {
		wanted = append(wanted, `screening_id = ? AND buyer_id IN `+db.In(len(of)))
		args = append(append(args, id), db.Args(of)...)
	}
	var rows []struct {
		ScreeningID string `db:"screening_id"`
		BuyerID     string `db:"buyer_id"`
		Quantity    int64  `db:"quantity"`
	}
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT screening_id, buyer_id, quantity FROM holdings
		WHERE `+strings.Join(wanted, " OR "), args...); err != nil {
		return nil, s.failed("read holdings", err)
	}
	for _, row := range rows {
		held[Holding{row.ScreeningID, row.BuyerID}] = row.Quantity
	}
	return held, nil
}

func (s *Stock) reservationsByRequest(ctx context.Context, requestIDs []string) (map[string]Reservation, error) {
	var rows []reservationRow
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT `+reservationColumns+` FROM reservations
		WHERE request_id IN `+db.In(len(requestIDs)), db.Args(requestIDs)...)
	found := make(map[string]Reservation, len(rows))
	for _, row := range rows {
		found[row.RequestID] = row.reservation()
	}
	return found, err
}

// OrderKey is the request id of an order, and whose it is.
type OrderKey struct {
	OrderID   string `db:"order_id"`
	RequestID string `db:"request_id"`
	BuyerID   string `db:"buyer_id"`
	CreatedAt int64  `db:"created_at"` // Unix milliseconds
}

// OrderKeys reads up to limit orders of a screening, whatever their state, the oldest first, after one of them: the
// order of an id that was created at a time in Unix milliseconds.
func (s *Stock) OrderKeys(ctx context.Context, screeningID string, afterTime int64, afterOrder string, limit int) ([]OrderKey, error) {
	var rows []OrderKey
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT order_id, request_id, buyer_id, created_at FROM reservations
		WHERE screening_id = ? AND created_at >= ? AND (created_at > ? OR order_id > ?)
		ORDER BY created_at, order_id LIMIT ?`, screeningID, afterTime, afterTime, afterOrder, limit)
	if err != nil {
		return nil, s.failed("read orders of a screening", err)
	}
	return rows, nil
}
