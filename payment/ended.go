package payment

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/common/batch"
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

// endLeft has the attempts of an order closed, but for the given one, that were left open when the order became final.
func (s *Service) endLeft(ctx context.Context, orderID, but string) error {
	isLeft, err := s.isLeftOpen(ctx, orderID, but)
	if err != nil || !isLeft {
		return err
	}
	return s.OrderEnded(ctx, orderID)
}

// isLeftOpen tells whether an order is final, and one of its attempts, but for the given one, is to be asked for only later.
func (s *Service) isLeftOpen(ctx context.Context, orderID, but string) (bool, error) {
	var found []int
	err := s.db.Reader().SelectContext(ctx, &found, `SELECT 1 FROM payment_attempts a JOIN orders o ON o.id = a.order_id
		WHERE a.order_id = ? AND a.id <> ? AND a.state IN ('starting', 'open') AND a.next_at > ? AND o.state <> 'PENDING_PAYMENT' LIMIT 1`,
		orderID, but, s.Now().UnixMilli())
	return len(found) > 0, s.failed("look for payment attempts of a final order", err)
}
