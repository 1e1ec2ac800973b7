package stock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/db"
)

// Extend moves the deadline of a held reservation to a later time, for a buyer who has begun to pay. It is called before
// the order's own deadline moves, so that the sweeper asks for no order too early. It changes nothing when the deadline
// is as late already, and fails with ErrReservationAbsent when the tickets are not held.
func (s *Stock) Extend(ctx context.Context, orderID string, deadline time.Time) error {
	until := deadline.UnixMilli()
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, 1, `UPDATE reservations SET
			sweep_at = CASE WHEN expires_at < ? THEN ? ELSE sweep_at END,
			expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END
			WHERE order_id = ? AND state = ?`,
			until, until+s.sweepGrace.Milliseconds(), until, until, orderID, Held)
	})
	if errors.Is(err, db.ErrConflict) {
		return fmt.Errorf("extend reservation: %w", ErrReservationAbsent)
	}
	if err != nil {
		return s.failed("extend reservation", err)
	}
	return nil
}
