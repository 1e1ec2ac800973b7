package order

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
	"boxoffice/common/tracing"
)

// dueSlack is how late after its deadline an order may be looked at. Each level in a chain of delays loses some
// milliseconds. Without slack the 4:59.9 that are left of 15 min after a level of 10 min would be less than the level of
// 5 min, and take a long chain of ever shorter levels.
const dueSlack = time.Second

// announce sends the messages that follow from the states of orders: delayed payment-due for the pending ones,
// order-settled for the final ones. It is called after the commit, with what was committed, and returns nil only when
// all messages are stored.
func (o *Orders) announce(ctx context.Context, orders map[string]Order) error {
	o.logStates(ctx, orders)
	pending, final := byState(orders)
	return errors.Join(o.sendDue(ctx, pending), o.sendSettled(ctx, final))
}

// byState sorts the orders that are pending from those that are final.
func byState(orders map[string]Order) (pending []Order, final []event.SettledOrder) {
	for _, id := range slices.Sorted(maps.Keys(orders)) {
		if outcome := orders[id].outcome(); outcome != "" {
			final = append(final, event.SettledOrder{OrderID: id, Outcome: outcome})
		} else {
			pending = append(pending, orders[id])
		}
	}
	return pending, final
}

// sendDue sends payment-due for pending orders, with as few messages as there are batches. A message is due at the
// earliest time among its orders, and its handler sends the later ones on.
func (o *Orders) sendDue(ctx context.Context, pending []Order) error {
	now := o.now()
	slices.SortStableFunc(pending, func(a, b Order) int { return cmp.Compare(a.nextLook(now), b.nextLook(now)) })
	for batch := range slices.Chunk(pending, o.maxBatch) {
		due := event.Due{DueAt: batch[0].nextLook(now), OrderIDs: make([]string, len(batch))}
		looks := make([]int, len(batch))
		for i, order := range batch {
			due.OrderIDs[i], looks[i] = order.ID, order.Looks
		}
		if slices.Max(looks) > 0 { // of new orders, nearly all messages, there are none
			due.Looks = looks
		}
		level := mq.LevelFor(time.UnixMilli(due.DueAt).Sub(now) + dueSlack)
		ctx := withTracesOf(ctx, batch, func(o Order) string { return o.ID })
		if err := mq.SendDelayed(ctx, o.sender, event.PaymentDue, due.OrderIDs[0], due, level); err != nil {
			return fmt.Errorf("send payment-due: %w", err)
		}
		failpoint.Hit("order.due-sent")
	}
	return nil
}

// sendSettled sends order-settled for final orders.
func (o *Orders) sendSettled(ctx context.Context, final []event.SettledOrder) error {
	for batch := range slices.Chunk(final, o.maxBatch) {
		o.tellFinal(batch)
		failpoint.Hit("settled.unsent")
		ctx := withTracesOf(ctx, batch, func(o event.SettledOrder) string { return o.OrderID })
		if err := mq.Send(ctx, o.sender, event.OrderSettled, batch[0].OrderID, event.Settled{Orders: batch}); err != nil {
			return fmt.Errorf("send order-settled: %w", err)
		}
		failpoint.Hit("settled.sent")
	}
	return nil
}

// tellFinal tells whoever asked for it in this process.
func (o *Orders) tellFinal(final []event.SettledOrder) {
	if o.onFinal == nil {
		return
	}
	ids := make([]string, len(final))
	for i, order := range final {
		ids[i] = order.OrderID
	}
	o.onFinal(ids)
}

// withTracesOf returns ctx with the traces of those orders alone that a message is about.
func withTracesOf[T any](ctx context.Context, orders []T, id func(T) string) context.Context {
	all := tracing.From(ctx)
	if len(all) == 0 {
		return ctx
	}
	var traces tracing.List
	for _, order := range orders {
		traces = traces.Join(all.About(id(order)))
	}
	return tracing.With(ctx, traces)
}

// logStates tells at level debug how orders stand after a message.
func (o *Orders) logStates(ctx context.Context, orders map[string]Order) {
	if !o.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for _, order := range orders {
		o.log.DebugContext(ctx, "order", "state", order.State, "order_id", order.ID, "buyer_id", order.BuyerID, "screening_id", order.ScreeningID)
	}
}
