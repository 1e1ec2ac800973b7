package app

import (
	"context"
	"errors"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/sale"
	"boxoffice/stock"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	factsTimeout = 2 * time.Second // of one look at the queues or at a database
	factsFresh   = 5 * time.Second // what was read is shown again for as long
)

// addMetrics registers what this process counts, and what it finds in queues and databases when it is asked.
func (o *office) addMetrics(context.Context) (err error) {
	if o.seller != nil {
		if o.purchases, err = countPurchases(o.seller, o.registry); err != nil {
			return err
		}
	}
	for _, collector := range []prometheus.Collector{
		newBusSeries(o.bus),
		newFacts("queue", queueSeries(), func(ctx context.Context, emit emitter) error {
			depths, err := o.bus.Inspect(ctx, event.Subscriptions()...)
			if err == nil {
				emitDepths(emit, depths)
			}
			return err
		}),
		newFacts("stock", stockSeries(), func(ctx context.Context, emit emitter) error {
			totals, err := o.stock.Totals(ctx)
			if err == nil {
				emitStock(emit, totals)
			}
			return errors.Join(err, o.emitSkew(ctx, emit, o.stockDB))
		}),
		newFacts("order", orderSeries(), func(ctx context.Context, emit emitter) error {
			totals, err := o.orders.Totals(ctx)
			if err == nil {
				emitOrders(emit, totals)
			}
			return errors.Join(err, o.emitSkew(ctx, emit, o.orderDB))
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "boxoffice_settles_unpublished_total",
			Help: "Final orders whose order-settled was given up; the sweeper asks for them again.",
		}, func() float64 { return float64(o.orders.Unpublished()) }),
	} {
		if err := o.registry.Register(collector); err != nil {
			return err
		}
	}
	return nil
}

// emitSkew compares clocks: deadlines and sale windows are written by one process and judged by another.
func (o *office) emitSkew(ctx context.Context, emit emitter, d *db.DB) error {
	skew, err := d.ClockSkew(ctx, o.now)
	if err == nil {
		emit("boxoffice_clock_skew_seconds", skew.Seconds())
	}
	return err
}

// purchases counts what buyers are answered, and how full the half messages are.
type purchases struct {
	*sale.Seller
	results *prometheus.CounterVec
}

// halfSizes is the histogram of orders in a half message.
func halfSizes() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "boxoffice_half_message_orders",
		Help:    "Orders in one half message, which share its SQL transaction.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 10),
	})
}

func countPurchases(seller *sale.Seller, registry prometheus.Registerer) (*purchases, error) {
	p := &purchases{Seller: seller, results: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "boxoffice_purchases_total",
		Help: "Purchases by answer; accepted counts a repeated key each time.",
	}, []string{"result"})}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "boxoffice_purchases_waiting", Help: "Purchases in the queue of this process.",
	}, func() float64 { return float64(seller.Waiting()) })
	return p, errors.Join(registry.Register(p.results), registry.Register(waiting), registry.Register(newCacheSeries(seller)))
}

// Refuse counts only refusals: what it lets pass is counted by Purchase.
func (p *purchases) Refuse(ctx context.Context, screeningID, buyerID, key string) error {
	err := p.Seller.Refuse(ctx, screeningID, buyerID, key)
	if err != nil {
		p.results.WithLabelValues(purchaseResult(err)).Inc()
	}
	return err
}

// Purchase counts its answer.
func (p *purchases) Purchase(ctx context.Context, r sale.Request) (stock.Reservation, error) {
	reservation, err := p.Seller.Purchase(ctx, r)
	p.results.WithLabelValues(purchaseResult(err)).Inc()
	return reservation, err
}

func purchaseResult(err error) string {
	switch {
	case err == nil:
		return "accepted"
	case errors.Is(err, stock.ErrSoldOut):
		return "sold_out"
	case errors.Is(err, stock.ErrSaleClosed):
		return "sale_closed"
	case errors.Is(err, stock.ErrSaleNotOpen):
		return "sale_not_open"
	case errors.Is(err, stock.ErrLimitExceeded):
		return "limit_exceeded"
	case errors.Is(err, sale.ErrBusy):
		return "busy"
	case errors.Is(err, stock.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, sale.ErrKeyReused):
		return "idempotency_key_reused"
	case errors.Is(err, stock.ErrScreeningNotFound):
		return "not_found"
	default:
		return "other"
	}
}

// busSeries is what went through this process's bus since it started.
type busSeries struct {
	bus                              *mq.Bus
	sent, halves, deliveries, checks *prometheus.Desc
}

func newBusSeries(bus *mq.Bus) *busSeries {
	return &busSeries{
		bus: bus,
		sent: prometheus.NewDesc("boxoffice_messages_sent_total",
			"Plain and delayed messages, stored by the broker or given up.", []string{"result"}, nil),
		halves: prometheus.NewDesc("boxoffice_half_messages_sent_total",
			"Half messages whose local transaction ran (sent) or did not (failed).", []string{"result"}, nil),
		deliveries: prometheus.NewDesc("boxoffice_deliveries_total",
			"Messages delivered to this process, by what its handler did with them.", []string{"result"}, nil),
		checks: prometheus.NewDesc("boxoffice_check_backs_total",
			"Check-backs answered by this process.", []string{"outcome"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (s *busSeries) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.sent, s.halves, s.deliveries, s.checks} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (s *busSeries) Collect(metrics chan<- prometheus.Metric) {
	stats := s.bus.Stats()
	for _, m := range []struct {
		desc  *prometheus.Desc
		n     int64
		label string
	}{
		{s.sent, stats.Sent, "sent"}, {s.sent, stats.SendFailed, "failed"},
		{s.halves, stats.HalvesSent, "sent"}, {s.halves, stats.HalvesFailed, "failed"},
		{s.deliveries, stats.Handled, "handled"}, {s.deliveries, stats.Retried, "retried"},
		{s.deliveries, stats.DeadLettered, "dead_lettered"},
		{s.checks, stats.ChecksCommitted, "commit"}, {s.checks, stats.ChecksRolledBack, "rollback"},
		{s.checks, stats.ChecksUnknown, "unknown"},
	} {
		metrics <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(m.n), m.label)
	}
}

// cacheSeries is what this process knows of the screenings on sale, and what it has read to refuse buyers of those that
// are over.
type cacheSeries struct {
	seller                                     *sale.Seller
	screenings, orders, bytes, readings, pages *prometheus.Desc
}

func newCacheSeries(seller *sale.Seller) *cacheSeries {
	describe := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &cacheSeries{
		seller:     seller,
		screenings: describe("boxoffice_cache_screenings", "Screenings that this process knows."),
		orders:     describe("boxoffice_cache_orders", "Orders that it knows of those whose sale is over."),
		bytes:      describe("boxoffice_cache_bytes", "Memory that these orders take, about."),
		readings:   describe("boxoffice_refusal_readings_total", "Readings of the database on which buyers were refused."),
		pages:      describe("boxoffice_refusal_pages_total", "Pages of orders read for that."),
	}
}

// Describe implements prometheus.Collector.
func (s *cacheSeries) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.screenings, s.orders, s.bytes, s.readings, s.pages} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (s *cacheSeries) Collect(metrics chan<- prometheus.Metric) {
	stats := s.seller.CacheStats()
	for _, m := range []struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		n    int64
	}{
		{s.screenings, prometheus.GaugeValue, int64(stats.Screenings)}, {s.orders, prometheus.GaugeValue, stats.Orders},
		{s.bytes, prometheus.GaugeValue, stats.Bytes}, {s.readings, prometheus.CounterValue, stats.Readings},
		{s.pages, prometheus.CounterValue, stats.Pages},
	} {
		metrics <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.n))
	}
}
