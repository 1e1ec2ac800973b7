package order

import (
	"context"
	"fmt"

	"boxoffice/common/event"
)

// Cancel cancels an order for its buyer and returns it; so it does when the order was cancelled before, for whatever
// reason. The order is given as it was reserved, because its row may not exist yet. It fails with ErrAlreadyPaid, and
// the order, when a payment was faster, also one that was parked.
func (o *Orders) Cancel(ctx context.Context, reserved event.Order) (Order, error) {
	orders, err := o.advance(ctx, []string{reserved.ID}, []event.Order{reserved}, byBuyer)
	if err != nil {
		return Order{}, fmt.Errorf("cancel order: %w", err)
	}
	final := orders[reserved.ID]
	o.settled.offer(event.SettledOrder{OrderID: final.ID, Outcome: final.outcome()})
	if final.State == Paid {
		return final, fmt.Errorf("cancel order: %w", ErrAlreadyPaid)
	}
	return final, nil
}
