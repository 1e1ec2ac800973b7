package payment

import (
	"context"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
)

// AttemptInfo is a try to pay for an order as operators see it.
type AttemptInfo struct {
	ID, OrderID, Provider string
	Amount                event.Money
	State                 string
	Reference             string // the provider's own id of it; may be empty
	Tries                 int    // how often the provider was asked for it
	ExpiresAt             time.Time
	CreatedAt, ChangedAt  time.Time
}

// AttemptsOf returns the attempts to pay for an order, the oldest first.
func (s *Service) AttemptsOf(ctx context.Context, orderID string) ([]AttemptInfo, error) {
	var rows []struct {
		attemptRow
		ChangedAt int64 `db:"changed_at"`
	}
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT `+attemptColumns+`, changed_at FROM payment_attempts
		WHERE order_id = ? ORDER BY created_at, id`, orderID); err != nil {
		return nil, s.failed("read payment attempts", err)
	}
	attempts := make([]AttemptInfo, len(rows))
	for i, r := range rows {
		attempts[i] = AttemptInfo{
			ID: r.ID, OrderID: r.OrderID, Provider: r.Provider, Amount: event.Money{Amount: r.Amount, Currency: r.Currency},
			State: string(r.State), Reference: r.Reference, Tries: r.Tries, ExpiresAt: time.UnixMilli(r.ExpiresAt).UTC(),
			CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), ChangedAt: time.UnixMilli(r.ChangedAt).UTC(),
		}
	}
	return attempts, nil
}

// RefundsOf returns the refunds of an order's payments, the oldest first.
func (s *Service) RefundsOf(ctx context.Context, orderID string) ([]RefundInfo, error) {
	var rows []refundRow
	if err := s.db.Reader().SelectContext(ctx, &rows, refundSelect+`WHERE r.order_id = ? ORDER BY r.created_at, r.id`, orderID); err != nil {
		return nil, s.failed("read refunds of an order", err)
	}
	refunds := make([]RefundInfo, len(rows))
	for i, r := range rows {
		refunds[i] = r.info()
	}
	return refunds, nil
}

// OrdersOf returns the ids of the orders that a payment came for, by the id under which it is recorded, by its provider's
// own, or by the id of an attempt or a refund of it.
func (s *Service) OrdersOf(ctx context.Context, paymentID string) ([]string, error) {
	ids := []string{paymentID}
	for name := range s.providers {
		ids = append(ids, order.RecordID(name, paymentID))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	in := db.In(len(ids))
	var orders []string
	err := s.db.Reader().SelectContext(ctx, &orders, `SELECT order_id FROM payments WHERE id IN `+in+`
		UNION SELECT order_id FROM reused_payments WHERE payment_id IN `+in+`
		UNION SELECT order_id FROM payment_attempts WHERE id = ?
		UNION SELECT order_id FROM refunds WHERE id = ?`, slices.Concat(db.Args(ids), db.Args(ids), []any{paymentID, paymentID})...)
	if err != nil {
		return nil, s.failed("look for the order of a payment", err)
	}
	slices.Sort(orders)
	return orders, nil
}
