package order

import (
	"context"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// A reservation whose tickets are sold or released needs no new pending order. Its order can be missing, or older than
// the reservation, after the order database was restored from a backup, and when an old message is delivered again.

// cancelReleased cancels the orders of released tickets, which may be somebody else's by now, also those that are paid.
// One that is missing is created as cancelled, so that a payment or an old message that comes for it later finds it so.
// All money that came for these orders goes back. What was said before the tickets of an order were taken again is no longer
// true of it: the order says once more that it is paid.
func (o *Orders) cancelReleased(ctx context.Context, released []event.Order) (map[string]Order, error) {
	return o.change(ctx, orderIDs(released), func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.create(ctx, tx, released); err != nil {
			return err
		}
		ids := orderIDs(slices.DeleteFunc(slices.Clone(released), func(said event.Order) bool {
			return c.orders[said.ID].LatePayment == event.LateRevived && said.LatePayment != event.LateRevived
		}))
		if err := c.cancelAll(ctx, tx, ids, CancelReleased); err != nil {
			return err
		}
		return c.applyParked(ctx, tx)
	})
}

// cancelAll cancels those of the orders that are pending or paid.
func (c *changeSet) cancelAll(ctx context.Context, tx *db.Tx, ids []string, reason CancelReason) error {
	if err := c.revokePaid(ctx, tx, ids, reason); err != nil {
		return err
	}
	for _, id := range ids {
		if order := c.orders[id]; order.State == PendingPayment {
			c.cancel(order, reason)
		}
	}
	return nil
}

// paySold creates the missing orders of sold tickets for which a payment is parked, which then pays them, as it pays one
// that was cancelled as unpaid and may be revived. Without a payment an order stays missing: it would be cancelled at its
// deadline although its tickets are paid for, and a person has to decide.
func (o *Orders) paySold(ctx context.Context, sold []event.Order) (map[string]Order, error) {
	ids := orderIDs(sold)
	return o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.lock(ctx, tx, ids); err != nil {
			return err
		}
		parked, err := parkedPayments(ctx, tx, ids)
		if err != nil {
			return err
		}
		unpaid := func(order event.Order) bool {
			return !slices.ContainsFunc(parked, func(p Payment) bool { return p.OrderID == order.ID && p.Amount == order.Amount })
		}
		if err := c.create(ctx, tx, slices.DeleteFunc(slices.Clone(sold), unpaid)); err != nil {
			return err
		}
		c.heldAgain = true
		if err := c.applyParked(ctx, tx); err != nil {
			return err
		}
		var revived []string
		for _, said := range sold {
			if said.LatePayment == event.LateRevived && c.orders[said.ID].State == Paid {
				revived = append(revived, said.ID)
			}
		}
		return c.endLate(ctx, tx, revived, event.LateRevived)
	})
}
