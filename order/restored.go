package order

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/db"
)

const (
	// restoredGrace is how long after a restore, or after the deadline if that is later, a payment provider that is away delays
	// the cancellation of an order that was pending in the backup.
	restoredGrace = 10 * time.Minute

	// restoredSearch is how long after a restore payment providers are asked for what such an order may have been paid with,
	// however it has ended. A payment that had started before the restore can be paid for a day.
	restoredSearch = 72 * time.Hour
)

// MarkRestored marks the pending orders of a database that was restored from a backup: payments that have started since are
// not in it, and some may be paid, which nobody will say again. Their providers are asked before they are cancelled, and once
// they have ended otherwise.
func MarkRestored(ctx context.Context, d *db.DB, now time.Time) error {
	at := now.UnixMilli()
	err := d.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE orders SET restored = 1, ask_until = ? + CASE WHEN expires_at > ? THEN expires_at ELSE ? END
			WHERE state = 'PENDING_PAYMENT'`, restoredGrace.Milliseconds(), at, at); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM restored_orders
			WHERE order_id IN (SELECT id FROM orders WHERE state = 'PENDING_PAYMENT')`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO restored_orders (order_id, next_at, until_at)
			SELECT id, ?, ? FROM orders WHERE state = 'PENDING_PAYMENT'`, at, at+restoredSearch.Milliseconds())
		return err
	})
	if err != nil {
		return fmt.Errorf("mark restored orders: %w", err)
	}
	return nil
}
