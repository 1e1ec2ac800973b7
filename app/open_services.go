package app

import (
	"context"

	"boxoffice/app/settings"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/stock"
)

// openServices opens the stock and the order service, whatever the roles of this process: all of them call both.
func (o *office) openServices(ctx context.Context) error {
	o.stock = stock.New(o.stockDB, stock.Options{SweepGrace: o.config.SweepGrace, AskGrace: o.config.PayGrace, Now: o.now,
		Log: o.log.With("part", "stock")})
	sender, err := o.bus.NewSender(ctx, event.GroupOrder)
	if err != nil {
		return err
	}
	o.onClose(func() error { sender.Close(); return nil })
	o.sender = sender
	o.orders = order.New(ctx, o.orderDB, sender, order.Options{
		MaxBatch: o.config.MaxBatch, Now: o.clock.Sure, Log: o.log.With("part", "order"), OnFinal: o.showDecided,
	})
	o.onClose(func() error { o.orders.Close(); return nil })
	return nil
}

// openSweeper starts the sweeper, and opens the publisher of reservations that the consumer of order-settled uses.
func (o *office) openSweeper(ctx context.Context) error {
	if !o.config.HasRole(settings.RoleStock) {
		return nil
	}
	sender, err := o.bus.NewSender(ctx, event.GroupStock)
	if err != nil {
		return err
	}
	o.onClose(func() error { sender.Close(); return nil })
	o.publisher = stock.NewRepublisher(o.stock, sender)
	sweeper := stock.NewSweeper(o.stock, sender)
	o.goUntilClose(ctx, sweeper.Run)
	return nil
}

// openSeller opens what sells tickets, with the counter of purchases around it. In a demo it adds what there is to sell.
func (o *office) openSeller(ctx context.Context) error {
	if !o.config.HasRole(settings.RoleAPI) {
		return nil
	}
	transactor, err := o.bus.NewTransactor(ctx, event.GroupPurchase, o.stock.Check)
	if err != nil {
		return err
	}
	o.transactor = transactor
	o.onClose(func() error { return o.drain(ctx, transactor.Close) })
	halfSizes := newHalfSizes()
	if err := o.registry.Register(halfSizes); err != nil {
		return err
	}
	seller := sale.NewSeller(ctx, o.stock, transactor, sale.Options{
		PayWindow: o.config.PayWindow, MaxBatch: o.config.MaxBatch, Now: o.now, Log: o.log.With("part", "sale"), Tracer: o.tracer,
		OnHalf: func(orders int) { halfSizes.Observe(float64(orders)) },
	})
	o.onClose(func() error { seller.Close(); return nil })
	if o.seller, err = countPurchases(seller, o.registry); err != nil {
		return err
	}
	if o.config.Demo {
		return addDemoScreenings(ctx, o.stock, o.now())
	}
	return nil
}
