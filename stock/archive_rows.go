package stock

import (
	"context"
	"fmt"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// ArchivedReservation is a reservation with all that its row says, but for the screening. Times are Unix milliseconds.
type ArchivedReservation struct {
	OrderID   string           `json:"order_id" db:"order_id"`
	RequestID string           `json:"request_id" db:"request_id"`
	BuyerID   string           `json:"buyer_id" db:"buyer_id"`
	Quantity  int64            `json:"quantity" db:"quantity"`
	Amount    int64            `json:"amount" db:"amount"`
	Currency  string           `json:"currency" db:"currency"`
	State     ReservationState `json:"state" db:"state"`
	CreatedAt int64            `json:"created_at" db:"created_at"`
	ExpiresAt int64            `json:"expires_at" db:"expires_at"`
	SettledAt int64            `json:"settled_at" db:"settled_at"`

	LatePayment event.LatePayment `json:"late_payment,omitempty" db:"late_payment"`
}

// ArchivedHolding is what a buyer holds under a limit.
type ArchivedHolding struct {
	BuyerID  string `json:"buyer_id" db:"buyer_id"`
	Quantity int64  `json:"quantity" db:"quantity"`
}

// ArchivePage returns up to limit reservations of a screening, the oldest first, after one of them.
func (s *Stock) ArchivePage(ctx context.Context, screeningID string, after ArchivedReservation, limit int) ([]ArchivedReservation, error) {
	var rows []ArchivedReservation
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT order_id, request_id, buyer_id, quantity, amount, currency, state,
		created_at, expires_at, COALESCE(settled_at, 0) AS settled_at, late_payment FROM reservations
		WHERE screening_id = ? AND created_at >= ? AND (created_at > ? OR order_id > ?)
		ORDER BY created_at, order_id LIMIT ?`, screeningID, after.CreatedAt, after.CreatedAt, after.OrderID, limit)
	if err != nil {
		return nil, s.failed("read reservations to archive", err)
	}
	return rows, nil
}

// ArchiveHoldings returns up to limit holdings of a screening, by buyer, after the one of afterBuyer.
func (s *Stock) ArchiveHoldings(ctx context.Context, screeningID, afterBuyer string, limit int) ([]ArchivedHolding, error) {
	var rows []ArchivedHolding
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT buyer_id, quantity FROM holdings
		WHERE screening_id = ? AND buyer_id > ? ORDER BY buyer_id LIMIT ?`, screeningID, afterBuyer, limit)
	if err != nil {
		return nil, s.failed("read holdings to archive", err)
	}
	return rows, nil
}

// DropReservations deletes archived reservations, and keeps their request ids in the same transaction. What is deleted
// already is passed over.
func (s *Stock) DropReservations(ctx context.Context, l ArchiveLease, archived []ArchivedReservation) error {
	now := s.now()
	return s.archiveFailed("drop archived reservations", s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := l.renewWritten(ctx, tx, now); err != nil {
			return err
		}
		there, err := presentReservations(ctx, tx, archived)
		if err != nil || len(there) == 0 {
			return err
		}
		var ids []string
		var requests [][]byte
		for _, r := range archived {
			if !there[r.OrderID] {
				continue
			}
			request, err := ParseID(r.RequestID)
			if err != nil {
				return err
			}
			ids, requests = append(ids, r.OrderID), append(requests, request[:])
		}
		if err := tx.Insert(ctx, `archived_requests (request_id)`, db.Args(requests)); err != nil {
			return fmt.Errorf("keep request ids: %w", err)
		}
		return tx.ExecGuarded(ctx, len(ids), `DELETE FROM reservations
			WHERE state <> 'reserved' AND screening_id = ? AND order_id IN `+db.In(len(ids)), append([]any{l.ScreeningID}, db.Args(ids)...)...)
	}))
}

func presentReservations(ctx context.Context, tx *db.Tx, archived []ArchivedReservation) (map[string]bool, error) {
	if len(archived) == 0 {
		return nil, nil
	}
	ids := make([]string, len(archived))
	for i, r := range archived {
		ids[i] = r.OrderID
	}
	return present(ctx, tx, `SELECT order_id FROM reservations WHERE order_id IN `+db.In(len(ids)), db.Args(ids))
}

// present is the set of what a query finds.
func present(ctx context.Context, tx *db.Tx, query string, args []any) (map[string]bool, error) {
	var found []string
	if err := tx.SelectContext(ctx, &found, query, args...); err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(found))
	for _, id := range found {
		there[id] = true
	}
	return there, nil
}

// DropHoldings deletes up to limit holdings of an archived screening, and says whether some may be left.
func (s *Stock) DropHoldings(ctx context.Context, l ArchiveLease, limit int) (more bool, err error) {
	now := s.now()
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := l.renewWritten(ctx, tx, now); err != nil {
			return err
		}
		var buyers []string
		if err := tx.SelectContext(ctx, &buyers, `SELECT buyer_id FROM holdings WHERE screening_id = ?
			ORDER BY buyer_id LIMIT ?`, l.ScreeningID, limit); err != nil || len(buyers) == 0 {
			more = false
			return err
		}
		more = len(buyers) == limit
		_, err := tx.ExecContext(ctx, `DELETE FROM holdings WHERE screening_id = ? AND buyer_id IN `+db.In(len(buyers)),
			append([]any{l.ScreeningID}, db.Args(buyers)...)...)
		return err
	})
	return more, s.archiveFailed("drop archived holdings", err)
}

// RestoreReservations puts archived reservations back, and takes their request ids from those of the archive. What is
// back already is passed over.
func (s *Stock) RestoreReservations(ctx context.Context, l ArchiveLease, archived []ArchivedReservation) error {
	now := s.now()
	return s.archiveFailed("restore reservations", s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := l.renewWritten(ctx, tx, now); err != nil {
			return err
		}
		there, err := presentReservations(ctx, tx, archived)
		if err != nil {
			return err
		}
		var values, requests []any
		for _, r := range archived {
			if there[r.OrderID] {
				continue
			}
			request, err := ParseID(r.RequestID)
			if err != nil {
				return err
			}
			requests = append(requests, request[:])
			values = append(values, r.OrderID, r.RequestID, l.ScreeningID, r.BuyerID, r.Quantity, r.Amount, r.Currency, string(r.State),
				r.CreatedAt, r.ExpiresAt, r.SettledAt, string(r.LatePayment))
		}
		if len(values) == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM archived_requests WHERE request_id IN `+db.In(len(requests)), requests...); err != nil {
			return err
		}
		return tx.Insert(ctx, `reservations (order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state,
			created_at, expires_at, settled_at, late_payment)`, values)
	}))
}

// RestoreHoldings puts archived holdings back; those that are back already are passed over.
func (s *Stock) RestoreHoldings(ctx context.Context, l ArchiveLease, archived []ArchivedHolding) error {
	now := s.now()
	return s.archiveFailed("restore holdings", s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := l.renewWritten(ctx, tx, now); err != nil {
			return err
		}
		buyers := make([]string, len(archived))
		for i, h := range archived {
			buyers[i] = h.BuyerID
		}
		there, err := present(ctx, tx, `SELECT buyer_id FROM holdings WHERE screening_id = ? AND buyer_id IN `+db.In(len(buyers)),
			append([]any{l.ScreeningID}, db.Args(buyers)...))
		if err != nil {
			return err
		}
		var values []any
		for _, h := range archived {
			if !there[h.BuyerID] {
				values = append(values, l.ScreeningID, h.BuyerID, h.Quantity)
			}
		}
		return tx.Insert(ctx, `holdings (screening_id, buyer_id, quantity)`, values)
	}))
}
