package stock

import (
	"context"
	"time"

	"boxoffice/common/db"
)

// Totals is where the tickets of all screenings are, how many reservations nobody settles, and what is left to do of
// screenings that are cancelled.
type Totals struct {
	Available, Reserved, Sold int64         // tickets
	Stale                     int64         // reservations, see Stock.IsStale
	CancelledLeft             int64         // tickets of cancelled screenings whose orders have not ended yet
	CancelledSince            time.Duration // for which the oldest such cancellation is open; 0 when none is
}

// Totals adds up all screenings.
func (s *Stock) Totals(ctx context.Context) (Totals, error) {
	var row struct {
		Available int64 `db:"available"`
		Reserved  int64 `db:"reserved"`
		Sold      int64 `db:"sold"`
		Stale     int64 `db:"stale"`
		Left      int64 `db:"cancelled_left"`
		BeganAt   int64 `db:"cancelled_at"`
	}
	err := s.db.Reader().GetContext(ctx, &row, `SELECT COALESCE(SUM(available), 0) AS available,
		COALESCE(SUM(reserved), 0) AS reserved, COALESCE(SUM(sold), 0) AS sold,
		(SELECT COUNT(*) FROM reservations WHERE sweep_at IS NOT NULL AND expires_at <= ?) AS stale,
		(SELECT COALESCE(SUM(k.reserved + k.sold), 0) FROM cancellations c JOIN stock k ON k.screening_id = c.screening_id
			WHERE c.done_at IS NULL) AS cancelled_left,
		(SELECT COALESCE(MIN(began_at), 0) FROM cancellations WHERE done_at IS NULL) AS cancelled_at FROM stock`,
		s.staleBefore())
	if err != nil {
		return Totals{}, s.failed("add up the stock", err)
	}
	totals := Totals{Available: row.Available, Reserved: row.Reserved, Sold: row.Sold, Stale: row.Stale, CancelledLeft: row.Left}
	if row.BeganAt > 0 {
		totals.CancelledSince = s.now().Sub(time.UnixMilli(row.BeganAt))
	}
	return totals, nil
}

// staleBefore is the deadline from which on a reservation should be settled by now: the sweeper published it after one
// grace, its payment provider may have been asked for another, and the answer has had a third.
func (s *Stock) staleBefore() int64 { return s.now().Add(-2*s.sweepGrace - s.askGrace).UnixMilli() }

// IsStale tells a reservation that is still held long after its deadline and all graces: something keeps it from
// being settled.
func (s *Stock) IsStale(r Reservation) bool { return r.State == Held && r.ExpiresAt <= s.staleBefore() }

// Account is one screening's counters, and beside them what its reservations add up to, in tickets, read together.
type Account struct {
	ScreeningID string `db:"screening_id"`
	Capacity    int64  `db:"capacity"`
	Available   int64  `db:"available"`
	Reserved    int64  `db:"reserved"`
	Sold        int64  `db:"sold"`
	HeldSum     int64  `db:"held_sum"` // of the reservations that are held: should be Reserved
	SoldSum     int64  `db:"sold_sum"` // of those that are sold: should be Sold
	Archived    bool   `db:"archived"`
	ArchiveSum  int64  `db:"archive_sum"` // tickets sold, by the archive's sums: should be Sold
	Writing     bool   `db:"writing"`     // the archive's sums are not known yet
}

// Balanced tells whether every ticket is where the counters say. Of an archived screening the archive's sums count; its
// reservations go, or have gone.
func (a Account) Balanced() bool {
	if a.Available+a.Reserved+a.Sold != a.Capacity || a.HeldSum != a.Reserved {
		return false
	}
	if a.Archived && !a.Writing {
		return a.ArchiveSum == a.Sold && a.SoldSum <= a.Sold
	}
	return a.SoldSum == a.Sold
}

// Accounts returns up to limit accounts, by screening id, after the one of afterID.
func (s *Stock) Accounts(ctx context.Context, afterID string, limit int) ([]Account, error) {
	var accounts []Account
	err := s.db.Reader().SelectContext(ctx, &accounts, `SELECT k.screening_id, k.capacity, k.available, k.reserved, k.sold,
		COALESCE(SUM(CASE WHEN r.state = 'reserved' THEN r.quantity END), 0) AS held_sum,
		COALESCE(SUM(CASE WHEN r.state = 'sold' THEN r.quantity END), 0) AS sold_sum,
		k.archived_at IS NOT NULL AS archived, COALESCE(MAX(a.tickets_sold), 0) AS archive_sum,
		COALESCE(MAX(a.written_at), 0) = 0 AS writing
		FROM (SELECT * FROM stock WHERE screening_id > ? ORDER BY screening_id LIMIT ?) k
		LEFT JOIN reservations r ON r.screening_id = k.screening_id
		LEFT JOIN archives a ON a.screening_id = k.screening_id
		GROUP BY k.screening_id, k.capacity, k.available, k.reserved, k.sold, k.archived_at
		ORDER BY k.screening_id`, afterID, limit)
	if err != nil {
		return nil, s.failed("add up reservations", err)
	}
	return accounts, nil
}

// ReservationsAfter returns up to limit reservations, by order id, after the one of afterID, but for those that are on
// their way into or out of an archive: their orders go first, and come first.
func (s *Stock) ReservationsAfter(ctx context.Context, afterID string, limit int) ([]Reservation, error) {
	return s.selectReservations(ctx, `SELECT `+reservationColumns+` FROM reservations
		WHERE order_id > ?
		AND screening_id NOT IN (SELECT screening_id FROM archives WHERE done_at IS NULL AND restored_at IS NULL)
		ORDER BY order_id LIMIT ?`, afterID, limit)
}

// ReservationsOf returns the reservations of these orders, a thousand at most; absent ids are absent.
func (s *Stock) ReservationsOf(ctx context.Context, orderIDs ...string) (map[string]Reservation, error) {
	found := make(map[string]Reservation, len(orderIDs))
	if len(orderIDs) == 0 {
		return found, nil
	}
	reservations, err := s.selectReservations(ctx, `SELECT `+reservationColumns+` FROM reservations
		WHERE order_id IN `+db.In(len(orderIDs)), db.Args(orderIDs)...)
	for _, r := range reservations {
		found[r.ID] = r
	}
	return found, err
}

func (s *Stock) selectReservations(ctx context.Context, query string, args ...any) ([]Reservation, error) {
	var rows []reservationRow
	if err := s.db.Reader().SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, s.failed("read reservations", err)
	}
	reservations := make([]Reservation, len(rows))
	for i, row := range rows {
		reservations[i] = row.reservation()
	}
	return reservations, nil
}
