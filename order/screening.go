package order

import (
	"context"
	"fmt"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// CancelForScreening cancels orders for the office, because their screening is cancelled: those that are pending, and
// those that are paid, whose money goes back. The orders are given as they were reserved, by where their tickets stand. One
// of held tickets that is missing is created as cancelled, so that an old message or a payment that comes for it later
// finds it so. One that was cancelled as unpaid gives up the tickets that were taken again for late money, which goes back.
// One of sold tickets that is missing stays missing: its money is not known, and a person has to decide. It returns only
// once the messages that return the tickets are stored; to repeat it sends them again and changes nothing.
func (o *Orders) CancelForScreening(ctx context.Context, held, sold []event.Order) error {
	ids := slices.Concat(orderIDs(held), orderIDs(sold))
	orders, err := o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.lock(ctx, tx, ids); err != nil {
			return err
		}
		if err := c.create(ctx, tx, held); err != nil {
			return err
		}
		late := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !c.orders[id].mayRevive() })
		if err := c.endLate(ctx, tx, late, event.LateRevived); err != nil {
			return err
		}
		if err := c.cancelAll(ctx, tx, ids, CancelByOffice); err != nil {
			return err
		}
		return c.applyParked(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("cancel the orders of a screening: %w", err)
	}
	for _, s := range sold {
		if order := orders[s.ID]; order.State == Cancelled { // also one that a backup knows as cancelled: its tickets return
			order.CancelReason = CancelByOffice
			orders[s.ID] = order
		}
	}
	return o.announce(ctx, orders)
}

// Money is what was paid for some orders, in minor units.
type Money struct {
	Received int64 // of all payments, also those that paid nothing
	Refunded int64 // that goes back, or has gone back
}

// SumMoney adds up the payments of some orders, which are to be of one currency. MySQL's index begins with the result.
func (o *Orders) SumMoney(ctx context.Context, ids []string) (sum Money, err error) {
	type row struct {
		Received int64 `db:"received"`
		Refunded int64 `db:"refunded"`
	}
	rows, err := db.SelectIn[row](ctx, o.db.Reader(), `SELECT COALESCE(SUM(amount), 0) AS received,
		COALESCE(SUM(refunded), 0) AS refunded FROM payments
		WHERE result IN ('applied', 'parked', 'refund_due', 'mismatch') AND order_id IN (?)`, ids)
	if err != nil {
		return Money{}, o.unavailable(fmt.Errorf("add up payments: %w", err))
	}
	for _, r := range rows {
		sum.Received += r.Received
		sum.Refunded += r.Refunded
	}
	return sum, nil
}
