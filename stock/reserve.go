package stock

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// ReservationList is what one local transaction reserves, all or nothing, in the order in which every transaction takes its
// locks: reservations by request, holdings by screening and buyer, stock by screening.
type ReservationList struct {
	TxID          string
	Orders        []event.Order
	Requests      []string // the orders' request ids
	Holdings      []HoldingChange
	Tickets       map[string]int64 // by screening
	TermsVersions map[string]int64 // by screening, how often the terms of its sale were changed when the list was planned
}

// write writes the fence, the reservations and what the buyers hold.
func (s *Stock) write(ctx context.Context, tx *db.Tx, l ReservationList) error {
	if err := putFence(ctx, tx, l.TxID, committed); err != nil {
		return err
	}
	if err := l.insertReservations(ctx, tx, s.sweepGrace); err != nil {
		return fmt.Errorf("insert reservations: %w", err)
	}
	if err := s.conflictIfKeyArchived(ctx, tx, l); err != nil {
		return fmt.Errorf("look for archived requests: %w", err)
	}
	if err := takeHoldings(ctx, tx, l.Holdings); err != nil {
		return fmt.Errorf("take holdings: %w", err)
	}
	return nil
}

// takeStock moves the tickets from available to reserved, and fails with db.ErrConflict when they are gone, or when limit,
// price or pause have changed. It is the last statement: everybody wants the stock row, which is so locked only for the COMMIT.
func (l ReservationList) takeStock(ctx context.Context, tx *db.Tx) error {
	sales := map[string]int64{}
	for _, o := range l.Orders {
		sales[o.ScreeningID]++
	}
	for _, id := range slices.Sorted(maps.Keys(l.Tickets)) {
		n := l.Tickets[id]
		err := tx.ExecGuarded(ctx, 1, `UPDATE stock SET available = available - ?, reserved = reserved + ?,
			sales = sales + ? WHERE screening_id = ? AND available >= ? AND limit_changes = ?`,
			n, n, sales[id], id, n, l.TermsVersions[id])
		if err != nil {
			return fmt.Errorf("take stock of %s: %w", id, err)
		}
	}
	return nil
}

func (l ReservationList) insertReservations(ctx context.Context, tx *db.Tx, sweepGrace time.Duration) error {
	late := event.HaveLatePayment(l.Orders)
	values := make([]any, 0, 12*len(l.Orders))
	for i, o := range l.Orders {
		values = append(values, o.ID, l.Requests[i], o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency,
			string(Held), o.CreatedAt, o.ExpiresAt, o.ExpiresAt+sweepGrace.Milliseconds())
		if late {
			values = append(values, string(o.LatePayment))
		}
	}
	into := `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
		created_at, expires_at, sweep_at`
	if late {
		into += `, late_payment`
	}
	return tx.Insert(ctx, into+`)`, values)
}

// conflictIfKeyArchived fails with db.ErrConflict for a request whose order is in the archive, because a key buys only once. It
// comes after the insert: an order archived meanwhile is then in one of the two tables.
func (s *Stock) conflictIfKeyArchived(ctx context.Context, tx *db.Tx, l ReservationList) error {
	archived, err := s.archivedRequests(ctx, tx, l.Requests)
	if err == nil && len(archived) > 0 {
		err = fmt.Errorf("%w: %d requests are archived", db.ErrConflict, len(archived))
	}
	return err
}
