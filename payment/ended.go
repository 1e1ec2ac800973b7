package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/order"
)

// OrderEnded makes the open attempts of an order due, because the order has become final: they are to be closed.
func (s *Service) OrderEnded(ctx context.Context, orderID string) error {
	if s.ended == nil {
		return nil // nobody starts payments here, or takes callbacks
	}
	_, err := s.ended.Do(ctx, orderID)
	switch {
	case errors.Is(err, batch.ErrFull):
		return fmt.Errorf("end payment attempts: %w: %w", order.ErrBusy, err)
	case errors.Is(err, batch.ErrClosed), errors.Is(err, batch.ErrUnanswered):
		return fmt.Errorf("end payment attempts: %w: %w", order.ErrUnavailable, err)
	}
	return err
}

// OrdersEnded is OrderEnded for many orders at once, also in a process that has no providers.
func (s *Service) OrdersEnded(ctx context.Context, orderIDs []string) error {
	if len(orderIDs) == 0 {
		return nil
	}
	ids := slices.Sorted(slices.Values(orderIDs))
	now := s.Now().UnixMilli()
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE payment_attempts SET next_at = ? WHERE state IN ('starting', 'open')
			AND next_at > ? AND order_id IN `+db.In(len(ids)), append([]any{now, now}, db.Args(ids)...)...)
		return err
	})
	return s.failed("end payment attempts", err)
}

// isLeftOpen tells whether an order is final, and one of its attempts is to be asked for only later.
func (s *Service) isLeftOpen(ctx context.Context, orderID string) (bool, error) {
	var found []int
	err := s.db.Reader().SelectContext(ctx, &found, `SELECT 1 FROM payment_attempts a JOIN orders o ON o.id = a.order_id
		WHERE a.order_id = ? AND a.state IN ('starting', 'open') AND a.next_at > ? AND o.state <> 'PENDING_PAYMENT' LIMIT 1`,
		orderID, s.Now().UnixMilli())
	return len(found) > 0, s.failed("look for payment attempts of a final order", err)
}
