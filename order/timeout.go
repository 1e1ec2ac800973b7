package order

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// dueSlack is how late a wake-up may be. A chain of delay levels loses some milliseconds at each step; without slack,
// 15 min would be 10 min and then, 4:59.9 being less than the level of 5 min, a long row of ever shorter ones.
const dueSlack = time.Second

// Timeout handles payment-due: it cancels what is unpaid and past its deadline, sends on what is not yet due, and
// publishes what is final. The deadline is the row's; the message only makes it prompt. It returns nil only when the
// messages that follow are stored. An id without an order is left to stock's sweeper, which sends its reservation
// again.
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

// sendDue wakes us for these orders with as few messages as there are lists. A list is due with its earliest order,
// and the handler sends the later ones on, each to its own time.
func (o *Orders) sendDue(ctx context.Context, pending []Order) error {
	slices.SortStableFunc(pending, func(a, b Order) int { return cmp.Compare(a.ExpiresAt, b.ExpiresAt) })
	for list := range slices.Chunk(pending, o.maxBatch) {
		due := event.Due{DueAt: list[0].ExpiresAt, OrderIDs: make([]string, len(list))}
		for i, order := range list {
			due.OrderIDs[i] = order.ID
		}
		level := mq.LevelFor(time.UnixMilli(due.DueAt).Sub(o.now()) + dueSlack)
		if err := mq.SendDelayed(ctx, o.sender, event.PaymentDue, due.OrderIDs[0], due, level); err != nil {
			return fmt.Errorf("send payment-due: %w", err)
		}
	}
	return nil
}
