package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// Create handles stock-reserved, from a purchase or from stock's sweeper, and answers by where each order stands: one
// that is missing is created, one that is pending and due is cancelled, and one that is final is published again. It
// returns nil only when the messages that follow from it are stored; until then the message comes again, which changes
// nothing that is done.
func (o *Orders) Create(ctx context.Context, reserved event.Reserved) error {
	ids := make([]string, len(reserved.Orders))
	for i, order := range reserved.Orders {
		ids[i] = order.ID
	}
	orders, err := o.advance(ctx, ids, reserved.Orders, whenExpired)
	switch {
	case o.db.IsConstraint(err):
		return mq.Permanent(fmt.Errorf("create orders: %w", err))
	case err != nil:
		return fmt.Errorf("create orders: %w", err)
	}
	return o.announce(ctx, orders)
}

// announce says what follows from where the orders stand: payment-due later for the pending, order-settled now for
// the final. It is called only after the commit, with what was committed.
func (o *Orders) announce(ctx context.Context, orders map[string]Order) error {
	var pending []Order
	var final []event.SettledOrder
	for _, id := range slices.Sorted(maps.Keys(orders)) {
		if outcome := orders[id].outcome(); outcome != "" {
			final = append(final, event.SettledOrder{OrderID: id, Outcome: outcome})
		} else {
			pending = append(pending, orders[id])
		}
	}
	return errors.Join(o.sendDue(ctx, pending), o.sendSettled(ctx, final))
}
