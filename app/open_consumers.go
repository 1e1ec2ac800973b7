package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"boxoffice/app/settings"
	"boxoffice/cancellation"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
	"boxoffice/tickets"
)

const consumerWorkers = payment.AskLists + 2 // of which two never wait for a payment provider

// openConsumers starts the consumers of this process's roles: which consumer group calls which handler. Together they are
// the life of an order after the purchase.
func (o *office) openConsumers(ctx context.Context) error {
	type step struct {
		role, group string
		timeout     time.Duration
		handler     mq.Handler
	}
	steps := []step{
		{settings.RoleOrder, event.GroupCreate, order.CreateTimeout, mq.Handle(event.StockReserved, o.create)},
		{settings.RoleOrder, event.GroupTimeout, order.DueTimeout, mq.Handle(event.PaymentDue, o.timeout)},
		{settings.RoleStock, event.GroupSettle, stock.SettleTimeout, mq.Handle(event.OrderSettled, o.publisher.HandleSettled)},
		{settings.RoleStock, event.GroupRevive, stock.ReviveTimeout, mq.Handle(event.TicketsWanted, o.publisher.HandleWanted)},
	}
	if o.tickets != nil {
		steps = append(steps, step{settings.RoleTickets, event.GroupTickets, tickets.SettleTimeout, mq.Handle(event.OrderSettled, o.tickets.Settle)})
	}
	if o.notify != nil {
		steps = append(steps,
			step{settings.RoleNotify, event.GroupNotifyReserved, notify.HandleTimeout, mq.Handle(event.StockReserved, o.notify.Reserve)},
			step{settings.RoleNotify, event.GroupNotifySettled, notify.HandleTimeout, mq.Handle(event.OrderSettled, o.notify.Settle)},
			step{settings.RoleNotify, event.GroupNotifyRefunded, notify.HandleTimeout, mq.Handle(event.RefundSent, o.notify.Refund)})
	}
	for _, step := range steps {
		if !o.config.HasRole(step.role) {
			continue
		}
		consumer, err := o.bus.Consume(ctx, mq.ConsumeOptions{
			Group: step.group, Concurrency: consumerWorkers, Timeout: step.timeout, IsTransient: isTransient,
		}, step.handler)
		if err != nil {
			return err
		}
		o.onClose(func() error { return o.drain(ctx, consumer.Close) })
	}
	return nil
}

// openCancellations starts to end the orders of cancelled screenings.
func (o *office) openCancellations(ctx context.Context) error {
	if o.config.HasRole(settings.RoleStock) {
		w := cancellation.New(o.stock, o.orders, o.payments.OrdersEnded, o.unwatched("cancellation", orderProbe), o.log.With("part", "cancellation"))
		o.goUntilClose(ctx, w.Run)
	}
	return nil
}

// create creates the orders of a message, and says how many.
func (o *office) create(ctx context.Context, reserved event.Reserved) error {
	err := o.orders.Create(ctx, reserved)
	if err == nil && o.onCreate != nil {
		o.onCreate(len(reserved.Orders))
	}
	return err
}

// timeout asks the payment providers of due orders before the order service cancels those that are unpaid. Those of which
// nobody is to be asked do not wait for that, nor does this handler wait until a provider has time.
func (o *office) timeout(ctx context.Context, due event.Due) error {
	asked, err := o.payments.ToAsk(ctx, due.OrderIDs)
	if err != nil {
		return err
	}
	isAsked := func(id string) bool { _, is := asked[id]; return is }
	if err := o.timeoutOf(ctx, due.Of(func(id string) bool { return !isAsked(id) })); err != nil || len(asked) == 0 {
		return err
	}
	rest := due.Of(isAsked)
	busy, err := o.payments.AskBeforeTimeout(ctx, rest)
	if err != nil {
		return err
	}
	isBusy := func(id string) bool { return slices.Contains(busy, id) }
	if err := o.timeoutOf(ctx, rest.Of(func(id string) bool { return !isBusy(id) })); err != nil {
		return err
	}
	return o.orders.LookAgain(ctx, rest.Of(isBusy))
}

func (o *office) timeoutOf(ctx context.Context, due event.Due) error {
	if len(due.OrderIDs) == 0 {
		return nil
	}
	return o.orders.Timeout(ctx, due)
}

// isTransient tells errors that pass, of an outage or of a race lost again and again, from errors that a message causes.
func isTransient(err error) bool {
	return slices.ContainsFunc([]error{mq.ErrUnavailable, stock.ErrUnavailable, stock.ErrBusy, order.ErrUnavailable, order.ErrBusy,
		tickets.ErrUnavailable, tickets.ErrBusy, notify.ErrUnavailable, notify.ErrBusy},
		func(known error) bool { return errors.Is(err, known) })
}
