package order

import (
	"context"
	"fmt"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// revivalRow is a cancelled order for which money waits until stock says whether its tickets are still there.
type revivalRow struct {
	OrderID string `db:"order_id"`
	Since   int64  `db:"since"`   // Unix milliseconds
	Tries   int    `db:"tries"`   // how often stock was asked
	NextAt  int64  `db:"next_at"` // Unix milliseconds, when it is asked again
}

// lateChange is an order whose late money is decided.
type lateChange struct {
	id       string
	from, to event.LatePayment
}

// lateDecisions is what one transaction decides of money that comes for orders that were cancelled as unpaid.
type lateDecisions struct {
	waiting []string     // ids of orders for which money waits until stock says whether it has tickets
	revived []string     // ids of cancelled orders that are paid late
	ended   []lateChange // orders for which no further money waits
}

// write stores the decisions.
func (d lateDecisions) write(ctx context.Context, tx *db.Tx, now int64) error {
	if err := awaitTickets(ctx, tx, slices.Compact(slices.Sorted(slices.Values(d.waiting))), now); err != nil {
		return err
	}
	if err := reviveOrders(ctx, tx, d.revived, now); err != nil {
		return err
	}
	for _, change := range d.ended {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE orders SET late_payment = ? WHERE id = ? AND late_payment = ?`,
			string(change.to), change.id, string(change.from)); err != nil {
			return fmt.Errorf("end revival: %w", err)
		}
	}
	return nil
}

// lockOrders keeps other transactions from changing orders until the commit. Money that comes late is recorded under the
// same lock, see awaitTickets: so none comes unseen while it is decided that no more may wait.
func lockOrders(ctx context.Context, tx *db.Tx, ids []string) error {
	if err := tx.ExecIn(ctx, `UPDATE orders SET late_payment = late_payment WHERE id IN (?)`, slices.Sorted(slices.Values(ids))); err != nil {
		return fmt.Errorf("lock orders: %w", err)
	}
	return nil
}

// awaitTickets records that money waits for these orders, or fails with db.ErrConflict when one of them may not be revived
// any more. Their rows are locked first: see lockOrders.
func awaitTickets(ctx context.Context, tx *db.Tx, ids []string, now int64) error {
	if err := tx.ChangeEach(ctx, `UPDATE orders SET late_payment = 'revive' WHERE state = 'CANCELLED'
		AND cancel_reason = 'unpaid' AND late_payment = 'revive' AND id IN (?)`, ids); err != nil {
		return fmt.Errorf("keep orders for late payments: %w", err)
	}
	known, err := db.SelectIn[string](ctx, tx, `SELECT order_id FROM revivals WHERE order_id IN (?)`, ids)
	if err != nil {
		return fmt.Errorf("read revivals: %w", err)
	}
	var values []any
	for _, id := range ids {
		if !slices.Contains(known, id) {
			values = append(values, id, now, now)
		}
	}
	if err := tx.Insert(ctx, `revivals (order_id, since, next_at)`, values); err != nil {
		return fmt.Errorf("record revivals: %w", err)
	}
	return nil
}

// reviveOrders makes cancelled orders paid whose tickets are held again, or fails with db.ErrConflict when one of them may
// not be revived any more.
func reviveOrders(ctx context.Context, tx *db.Tx, ids []string, now int64) error {
	if err := tx.ChangeEach(ctx, `UPDATE orders SET state = 'PAID', cancel_reason = NULL, settled_at = ?
		WHERE state = 'CANCELLED' AND cancel_reason = 'unpaid' AND late_payment = 'revive' AND id IN (?)`, ids, now); err != nil {
		return fmt.Errorf("revive orders: %w", err)
	}
	return nil
}

// dropRevivals deletes what was recorded of orders for which nothing waits any more. The orders are locked.
func dropRevivals(ctx context.Context, tx *db.Tx, ids []string) error {
	if err := tx.ExecIn(ctx, `DELETE FROM revivals WHERE order_id IN (?)`, ids); err != nil {
		return fmt.Errorf("drop revivals: %w", err)
	}
	return nil
}
