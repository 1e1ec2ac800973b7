package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// errNotNew says that more than an insert is needed.
var errNotNew = errors.New("not all of these orders are new")

// Create handles stock-reserved, from a purchase or published by stock again, and answers by where each order stands. Of
// the held ones, an order that is missing is created, one that is pending and due is cancelled, and one that is final is
// published again. It returns nil only when the messages that follow from it are stored; until then the message comes
// again, which changes nothing that is done.
func (o *Orders) Create(ctx context.Context, reserved event.Reserved) error {
	for _, step := range []struct {
		reserved []event.Order
		do       func(context.Context, []event.Order) (map[string]Order, error)
	}{
		{reserved.Orders, o.createHeld}, {reserved.Released, o.cancelReleased}, {reserved.Sold, o.paySold},
	} {
		if len(step.reserved) == 0 {
			continue
		}
		orders, err := step.do(ctx, step.reserved)
		switch {
		case o.db.IsConstraint(err):
			return mq.Permanent(fmt.Errorf("create orders: %w", err))
		case err != nil:
			return fmt.Errorf("create orders: %w", err)
		}
		if err := o.announce(ctx, orders); err != nil {
			return err
		}
	}
	return nil
}

// createHeld brings the orders of held tickets to where they have to be by now.
func (o *Orders) createHeld(ctx context.Context, reserved []event.Order) (map[string]Order, error) {
	orders, err := o.createNew(ctx, reserved)
	if errors.Is(err, errNotNew) {
		return o.advance(ctx, orderIDs(reserved), reserved, whenExpired)
	}
	return orders, err
}

func orderIDs(orders []event.Order) []string {
	ids := make([]string, len(orders))
	for i, order := range orders {
		ids[i] = order.ID
	}
	return ids
}

// createNew inserts the orders without a look. It is how nearly every list goes; errNotNew leaves to advance a list of
// which an order was there, is due, or may have been paid for. Like advance it looks for such a payment after the commit.
func (o *Orders) createNew(ctx context.Context, reserved []event.Order) (map[string]Order, error) {
	now := o.now().UnixMilli()
	orders := make(map[string]Order, len(reserved))
	for _, order := range reserved {
		if order.ExpiresAt <= now {
			return nil, errNotNew
		}
		orders[order.ID] = Order{Order: order, State: PendingPayment}
	}
	err := o.db.InTx(ctx, func(tx *db.Tx) error { return insertOrders(ctx, tx, missingOrders(reserved, nil)) })
	switch {
	case o.db.IsDuplicate(err):
		return nil, errNotNew
	case err != nil:
		return nil, o.unavailable(err)
	}
	waiting, err := anyParked(ctx, o.db.Reader())
	switch {
	case err != nil:
		return nil, o.unavailable(err)
	case waiting:
		return nil, errNotNew
	}
	return orders, nil
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
