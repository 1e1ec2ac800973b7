package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/stock"
)

const (
	consumerWorkers = 8
	handlerTimeout  = 30 * time.Second
)

// openConsumers starts the consumers of this process's roles: which consumer group calls which handler. Together they are
// the life of an order after the purchase.
func (o *office) openConsumers(ctx context.Context) error {
	for _, step := range []struct {
		role, group string
		handler     mq.Handler
	}{
		{roleOrder, event.GroupCreate, mq.Handle(event.StockReserved, o.create)},
		{roleOrder, event.GroupTimeout, mq.Handle(event.PaymentDue, o.orders.Timeout)},
		{roleStock, event.GroupSettle, mq.Handle(event.OrderSettled, o.publisher.Settle)},
	} {
		if !o.config.HasRole(step.role) {
			continue
		}
		consumer, err := o.bus.Consume(ctx, mq.ConsumeOptions{
			Group: step.group, Concurrency: consumerWorkers, Timeout: handlerTimeout, IsTransient: isTransient,
		}, step.handler)
		if err != nil {
			return err
		}
		o.onClose(func() error { return drain(ctx, consumer.Close) })
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

// isTransient tells errors that pass, of an outage or of a race lost again and again, from errors that a message causes.
func isTransient(err error) bool {
	return slices.ContainsFunc([]error{mq.ErrUnavailable, stock.ErrUnavailable, stock.ErrBusy, order.ErrUnavailable, order.ErrBusy},
		func(known error) bool { return errors.Is(err, known) })
}
