package order

import (
	"context"
	"fmt"
	"slices"

	"boxoffice/common/db"
)

// EndAttempts makes the open attempts to pay these orders due, in the transaction that makes the orders paid, or later: they are to
// be closed, before a buyer pays once more. A transaction of its own cost a payment as much again as its record, and left a moment
// in which the order was paid and nobody knew of the attempts. It comes after the update of the orders: an attempt that is being
// added either has its order's row first, and is seen, or finds the order paid.
func EndAttempts(ctx context.Context, tx *db.Tx, orderIDs []string, now int64) error {
	ids := slices.Sorted(slices.Values(orderIDs))
	if err := tx.ExecIn(ctx, `UPDATE payment_attempts SET next_at = ? WHERE state IN ('starting', 'open') AND next_at > ?
		AND order_id IN (?)`, ids, now, now); err != nil {
		return fmt.Errorf("end payment attempts: %w", err)
	}
	return nil
}
