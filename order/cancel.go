package order

import (
	"context"
	"fmt"

	"boxoffice/common/event"
)

// Cancel cancels an order for its buyer and returns it; so it does when the order was cancelled before, for whatever
// reason. The order is given as it was reserved, because its row may not exist yet; held says that its tickets still
// are. Without them no order is made, because a payment that is parked for it would buy tickets that may be somebody
// else's by now: then it fails with ErrOrderAbsent. It fails with ErrAlreadyPaid, and the order, when a payment was
// faster, also one that was parked.
func (o *Orders) Cancel(ctx context.Context, reserved event.Order, held bool) (Order, error) {
	var missing []event.Order
	if held {
		missing = []event.Order{reserved}
	}
	orders, err := o.advance(ctx, []string{reserved.ID}, missing, byBuyer)
	if err != nil {
		return Order{}, fmt.Errorf("cancel order: %w", err)
	}
	final, exists := orders[reserved.ID]
	if !exists {
		return Order{}, fmt.Errorf("cancel order: %w", ErrOrderAbsent)
	}
	o.settled.offer(event.SettledOrder{OrderID: final.ID, Outcome: final.outcome()})
	if final.State == Paid {
		return final, fmt.Errorf("cancel order: %w", ErrAlreadyPaid)
	}
	return final, nil
}
