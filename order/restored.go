package order

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/db"
)

// restoredGrace is how long after a restore, or after the deadline if that is later, a payment provider that is away delays
// the cancellation of an order that was pending in the backup.
const restoredGrace = 10 * time.Minute

// MarkRestored marks the pending orders of a database that was restored from a backup: payments that have started since are
// not in it, and some may be paid, which nobody will say again. Their providers are asked before they are cancelled.
func MarkRestored(ctx context.Context, d *db.DB, now time.Time) error {
	err := d.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE orders SET restored = 1, ask_until = ? + CASE WHEN expires_at > ? THEN expires_at ELSE ? END
			WHERE state = 'PENDING_PAYMENT'`, restoredGrace.Milliseconds(), now.UnixMilli(), now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("mark restored orders: %w", err)
	}
	return nil
}
