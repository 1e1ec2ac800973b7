package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
)

// DueTimeout bounds the handling of one payment-due, with the questions to payment providers that come before it.
const DueTimeout = 40 * time.Second

// Timeout handles payment-due: it cancels the orders that are unpaid past their deadline, sends payment-due again for
// those that are not due yet, and publishes the final ones. The deadline is the row's; the message only makes the
// cancellation prompt. It returns nil only when the messages that follow are stored. An id without an order is left to
// stock's sweeper, which publishes its reservation again.
func (o *Orders) Timeout(ctx context.Context, due event.Due) error {
	failpoint.Hit("order.due-came")
	orders, err := o.advance(ctx, due.OrderIDs, nil, whenExpired)
	if err != nil {
		return fmt.Errorf("cancel unpaid orders: %w", err)
	}
	o.logStates(ctx, orders)
	for _, id := range due.OrderIDs {
		if _, exists := orders[id]; !exists {
			o.log.DebugContext(ctx, "payment due for an order that does not exist", "order_id", id)
		}
	}
	pending, final := byState(orders)
	return errors.Join(o.sendOn(ctx, due, pending), o.sendSettled(ctx, final))
}

// sendOn sends payment-due again for the pending orders of a message, but for those of which another message has been sent on
// since: a message that is delivered twice, or a reservation that is published again, would otherwise begin a chain of its own
// each time, and all of them would live as long as the order. What was sent is recorded afterwards, so that no chain ends
// when the process does; two messages that are handled at the same moment are told apart at their next look.
func (o *Orders) sendOn(ctx context.Context, due event.Due, pending []Order) error {
	looks := make(map[string]int, len(due.OrderIDs))
	for i, id := range due.OrderIDs {
		looks[id] = due.LooksAt(i)
	}
	pending = slices.DeleteFunc(pending, func(order Order) bool { return looks[order.ID] < order.Looks })
	if len(pending) == 0 {
		return nil
	}
	for i, order := range pending {
		pending[i].Looks = looks[order.ID] + 1
	}
	if err := o.sendDue(ctx, pending); err != nil {
		return err
	}
	if err := o.inTx(ctx, func(tx *db.Tx) error { return recordLooks(ctx, tx, pending) }); err != nil {
		return fmt.Errorf("record what was sent on: %w", err)
	}
	return nil
}

// lookAgainPause is how soon an order is looked at again whose payment provider could not be asked at once.
const lookAgainPause = time.Second

// LookAgain sends payment-due again, as it came, for orders that Timeout has not been given, because their payment provider
// is busy with others.
func (o *Orders) LookAgain(ctx context.Context, due event.Due) error {
	if len(due.OrderIDs) == 0 {
		return nil
	}
	due.DueAt = o.now().Add(lookAgainPause).UnixMilli()
	if err := mq.SendDelayed(ctx, o.sender, event.PaymentDue, due.OrderIDs[0], due, mq.LevelFor(lookAgainPause)); err != nil {
		return fmt.Errorf("send payment-due: %w", err)
	}
	return nil
}
