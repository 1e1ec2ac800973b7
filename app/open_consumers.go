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
	"boxoffice/stock"
	"boxoffice/tickets"
)

const consumerWorkers = 8

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
		{settings.RoleStock, event.GroupSettle, stock.SettleTimeout, mq.Handle(event.OrderSettled, o.publisher.Settle)},
		{settings.RoleStock, event.GroupRevive, stock.ReviveTimeout, mq.Handle(event.TicketsWanted, o.publisher.Revive)},
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
		o.goUntilClose(ctx, cancellation.New(o.stock, o.orders, o.log.With("part", "cancellation")).Run)
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

// timeout asks the payment providers of due orders before the order service cancels those that are unpaid.
func (o *office) timeout(ctx context.Context, due event.Due) error {
	if err := o.payments.AskBeforeTimeout(ctx, due); err != nil {
		return err
	}
	return o.orders.Timeout(ctx, due)
}

// isTransient tells errors that pass, of an outage or of a race lost again and again, from errors that a message causes.
func isTransient(err error) bool {
	return slices.ContainsFunc([]error{mq.ErrUnavailable, stock.ErrUnavailable, stock.ErrBusy, order.ErrUnavailable, order.ErrBusy,
		tickets.ErrUnavailable, tickets.ErrBusy, notify.ErrUnavailable, notify.ErrBusy},
		func(known error) bool { return errors.Is(err, known) })
}
