package order

import (
	"context"
	"fmt"

	"boxoffice/common/event"
)

// Cancel cancels an order for its buyer and returns it; it succeeds also when the order was cancelled before, for
// whatever reason. It fails with ErrAlreadyPaid, and returns the order, when the order is paid, also by a payment that
// was parked.
//
// The order is given as it was reserved, because its row may not exist yet; held says that its tickets still are held.
// Only then is a missing order created. Otherwise a parked payment would pay for tickets that may be somebody else's by
// now, so Cancel fails with ErrOrderAbsent.
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
	if final.mayRevive() { // who does not want the tickets is not to be given them for money that comes late
		if err := o.endRevivals(ctx, []string{final.ID}); err != nil {
			return Order{}, fmt.Errorf("cancel order: %w", err)
		}
		if orders, err = o.Find(ctx, final.ID); err != nil {
			return Order{}, fmt.Errorf("cancel order: %w", err)
		}
		final = orders[reserved.ID]
	}
	o.publisher.offer(ctx, event.SettledOrder{OrderID: final.ID, Outcome: final.outcome()})
	if final.State == Paid {
		return final, fmt.Errorf("cancel order: %w", ErrAlreadyPaid)
	}
	return final, nil
}
