package order

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// Hold is what an order gets when a payment for it starts. Times are Unix milliseconds.
type Hold struct {
	Deadline int64 // to which the order's is extended, if it is earlier and was not extended before
	AskUntil int64 // until then the provider is asked before the order is cancelled as unpaid

	// Record records the payment in the transaction that holds its order, and tells whether there was anything to record. Nil
	// records nothing. It may be called again, in another transaction.
	Record func(ctx context.Context, tx *db.Tx, held Order) (isNew bool, err error)
}

// HoldForPayment gives a pending order time for a payment that starts, and returns it. The order is given as it was
// reserved, because its row may not exist yet. It fails with ErrAlreadyPaid or ErrNotPayable.
func (o *Orders) HoldForPayment(ctx context.Context, reserved event.Order, hold Hold) (Order, error) {
	isHeld := false
	orders, err := o.change(ctx, []string{reserved.ID}, func(ctx context.Context, tx *db.Tx, c *changeSet) (err error) {
		if err := c.create(ctx, tx, []event.Order{reserved}); err != nil {
			return err
		}
		if err := c.applyParked(ctx, tx); err != nil {
			return err
		}
		isHeld, err = c.hold(ctx, tx, reserved.ID, hold)
		return err
	})
	if err != nil {
		return Order{}, fmt.Errorf("hold order for a payment: %w", err)
	}
	order := orders[reserved.ID]
	switch {
	case order.State == Paid:
		o.publisher.offer(ctx, event.SettledOrder{OrderID: order.ID, Outcome: event.Paid})
		return order, fmt.Errorf("hold order for a payment: %w", ErrAlreadyPaid)
	case !isHeld:
		return order, fmt.Errorf("hold order for a payment: %w", ErrNotPayable)
	}
	return order, nil
}

// hold changes the deadlines of a pending order that is not due, and tells whether it is one. A payment that is recorded
// changes the time to ask in any case, by a millisecond if nothing else does: whoever is about to cancel the order, and has
// not seen that payment among those to ask for, is to find the order changed.
func (c *changeSet) hold(ctx context.Context, tx *db.Tx, id string, hold Hold) (isHeld bool, err error) {
	order := c.orders[id]
	if order.State != PendingPayment || order.IsDue(c.now) {
		return false, nil
	}
	if !order.Extended && hold.Deadline > order.ExpiresAt {
		order.ExpiresAt, order.Extended = hold.Deadline, true
	}
	order.AskUntil = max(order.AskUntil, hold.AskUntil)
	if hold.Record != nil {
		isNew, err := hold.Record(ctx, tx, order)
		if err != nil {
			return false, err
		}
		if isNew && order.AskUntil == c.orders[id].AskUntil {
			order.AskUntil++
		}
	}
	if order != c.orders[id] {
		c.held = append(c.held, heldOrder{before: c.orders[id], after: order})
		c.orders[id] = order
	}
	return true, nil
}

// StopAsking lets unpaid orders be cancelled at their deadline: their payment providers have said that no money came. asked
// has by id the time to ask that was read before they were asked; an order of another one has been held meanwhile, for a
// payment of which nobody was asked, and is left alone.
func (o *Orders) StopAsking(ctx context.Context, asked map[string]int64) error {
	if err := o.db.InTx(ctx, func(tx *db.Tx) error {
		for ids := range slices.Chunk(slices.Sorted(maps.Keys(asked)), db.InMax) {
			var args []any
			for _, id := range ids {
				args = append(args, id, asked[id])
			}
			either := strings.TrimPrefix(strings.Repeat(` OR id = ? AND ask_until = ?`, len(ids)), ` OR `)
			query := `UPDATE orders SET ask_until = 0 WHERE state = 'PENDING_PAYMENT' AND (` + either + `)`
			if _, err := tx.ExecContext(ctx, query, args...); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return o.unavailable(fmt.Errorf("stop asking for payments: %w", err))
	}
	return nil
}
