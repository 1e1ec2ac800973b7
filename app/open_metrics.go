package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/common/event"
)

// openMetrics registers the metrics of the parts opened so far. The seller's are registered where the seller is opened.
func (o *office) openMetrics(context.Context) error {
	collectors := []prometheus.Collector{
		newBusMetrics(o.bus),
		newQueueGauges(o.bus, event.Subscriptions(furtherSubscriptions(o.config)...)),
		newStockGauges(o.stock, o.stockDB, o.wall),
		newOrderGauges(o.orders, o.payments, o.orderDB, o.wall),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "boxoffice_settles_unpublished_total",
			Help: "Final orders whose order-settled was given up; the sweeper asks for them again.",
		}, func() float64 { return float64(o.orders.Unpublished()) }),
	}
	if o.notify != nil {
		collectors = append(collectors, newNotifyGauges(o.notify, o.config.NotifyChannels(), o.now))
	}
	for _, collector := range collectors {
		if err := o.registry.Register(collector); err != nil {
			return err
		}
	}
	return nil
}
