package main

import (
	"context"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/scripts/load/traffic"
)

const (
	payableOrdersPerSecond = 60_000 // prepared for each second that is measured
	payableOrdersMax       = 400_000
)

// payableOrders is how many orders a measurement of that time may pay.
func payableOrders(duration time.Duration) int {
	return min(payableOrdersMax, int(payableOrdersPerSecond*duration.Seconds()))
}

// payFunc delivers the payment of an order.
type payFunc func(context.Context, event.Order) error

// payInLoop pays one order after the other with as many payers as there are buyers, until the measured time ends or all
// are paid, and returns payments per second.
func payInLoop(
	ctx context.Context, duration time.Duration, orders []event.Order, pay payFunc,
) (paid int64, rate float64, err error) {
	var n atomic.Int64
	var failure firstError
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plan := traffic.Plan{Workers: buyersDefault, For: duration}
	report := plan.Run(ctx, func(ctx context.Context, s traffic.Start) {
		if s.N >= int64(len(orders)) {
			cancel()
			return
		}
		if err := pay(context.WithoutCancel(ctx), orders[s.N]); err != nil {
			failure.set(err)
			cancel()
			return
		}
		n.Add(1)
	})
	return n.Load(), float64(n.Load()) / report.Took.Seconds(), failure.get()
}
