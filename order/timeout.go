package order

import (
	"context"
	"fmt"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// DueTimeout bounds the handling of one payment-due, with the questions to payment providers that come before it.
const DueTimeout = 40 * time.Second

// Timeout handles payment-due: it cancels the orders that are unpaid past their deadline, sends payment-due again for
// those that are not due yet, and publishes the final ones. The deadline is the row's; the message only makes the
// cancellation prompt. It returns nil only when the messages that follow are stored. An id without an order is left to
// stock's sweeper, which publishes its reservation again.
func (o *Orders) Timeout(ctx context.Context, due event.Due) error {
	orders, err := o.advance(ctx, due.OrderIDs, nil, whenExpired)
	if err != nil {
		return fmt.Errorf("cancel unpaid orders: %w", err)
	}
	for _, id := range due.OrderIDs {
		if _, exists := orders[id]; !exists {
			o.log.DebugContext(ctx, "payment due for an order that does not exist", "order_id", id)
		}
	}
	return o.announce(ctx, orders)
}

// lookAgainPause is how soon an order is looked at again whose payment provider could not be asked at once.
const lookAgainPause = time.Second

// LookAgain sends payment-due again for orders that Timeout has not been given, because their payment provider is busy with
// others.
func (o *Orders) LookAgain(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	due := event.Due{DueAt: o.now().Add(lookAgainPause).UnixMilli(), OrderIDs: ids}
	if err := mq.SendDelayed(ctx, o.sender, event.PaymentDue, ids[0], due, mq.LevelFor(lookAgainPause)); err != nil {
		return fmt.Errorf("send payment-due: %w", err)
	}
	return nil
}
