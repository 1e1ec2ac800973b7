package app

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/sale"
	"boxoffice/stock"
)

// countedSeller is the seller with a counter around it: purchases by their answer.
type countedSeller struct {
	*sale.Seller
	results *prometheus.CounterVec
}

// countPurchases puts the counter around the seller, and registers it with the seller's other metrics.
func countPurchases(seller *sale.Seller, registry prometheus.Registerer) (*countedSeller, error) {
	counted := &countedSeller{Seller: seller, results: newPurchaseResults()}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "boxoffice_purchases_waiting", Help: "Purchases in the queue of this process.",
	}, func() float64 { return float64(seller.Waiting()) })
	return counted, errors.Join(registry.Register(counted.results), registry.Register(waiting), registry.Register(newCacheMetrics(seller)))
}

// Refuse counts a refusal. A purchase that is not refused is counted by Purchase.
func (s *countedSeller) Refuse(ctx context.Context, screeningID, buyerID, key string) error {
	err := s.Seller.Refuse(ctx, screeningID, buyerID, key)
	if err != nil {
		s.results.WithLabelValues(purchaseResult(err)).Inc()
	}
	return err
}

// Purchase counts a purchase by its answer.
func (s *countedSeller) Purchase(ctx context.Context, r sale.Request) (sale.Bought, error) {
	bought, err := s.Seller.Purchase(ctx, r)
	s.results.WithLabelValues(purchaseResult(err)).Inc()
	return bought, err
}

// refusal is an answer to a purchase that is none, and its label.
type refusal struct {
	err    error
	result string
}

const (
	acceptedResult = "accepted"
	otherResult    = "other"
)

// refusals lists how a purchase is refused.
func refusals() []refusal {
	return []refusal{
		{stock.ErrSoldOut, "sold_out"}, {stock.ErrSaleClosed, "sale_closed"}, {stock.ErrSaleNotOpen, "sale_not_open"},
		{stock.ErrSalePaused, "sale_paused"}, {stock.ErrCancelled, "screening_cancelled"}, {stock.ErrLimitExceeded, "limit_exceeded"},
		{sale.ErrBusy, "busy"}, {stock.ErrUnavailable, "unavailable"}, {sale.ErrKeyReused, "idempotency_key_reused"},
		{stock.ErrScreeningNotFound, "not_found"},
	}
}

// newPurchaseResults is the counter of purchases by answer, with every answer at 0: Prometheus takes the first value that it sees
// of a series for nothing new, so that the first minute of an outage would not be counted.
func newPurchaseResults() *prometheus.CounterVec {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "boxoffice_purchases_total",
		Help: "Purchases by answer; accepted counts a repeated key each time.",
	}, []string{"result"})
	for _, r := range refusals() {
		results.WithLabelValues(r.result)
	}
	results.WithLabelValues(acceptedResult)
	results.WithLabelValues(otherResult)
	return results
}

// purchaseResult is the label for what a purchase was answered with.
func purchaseResult(err error) string {
	if err == nil {
		return acceptedResult
	}
	for _, r := range refusals() {
		if errors.Is(err, r.err) {
			return r.result
		}
	}
	return otherResult
}

// newHalfSizes is the histogram of how many orders share a half message, and with it a transaction.
func newHalfSizes() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "boxoffice_half_message_orders",
		Help:    "Orders in one half message, which share its SQL transaction.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 10),
	})
}

// cacheMetrics collects how large the seller's cache of screenings is, and how often it was filled from the database.
type cacheMetrics struct {
	seller                                     *sale.Seller
	screenings, orders, bytes, readings, pages *prometheus.Desc
}

func newCacheMetrics(seller *sale.Seller) *cacheMetrics {
	describe := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &cacheMetrics{
		seller:     seller,
		screenings: describe("boxoffice_cache_screenings", "Screenings that this process knows."),
		orders:     describe("boxoffice_cache_orders", "Orders that it knows of those whose sale is over."),
		bytes:      describe("boxoffice_cache_bytes", "Memory that these orders take, about."),
		readings:   describe("boxoffice_refusal_readings_total", "Readings of the database on which buyers were refused."),
		pages:      describe("boxoffice_refusal_pages_total", "Pages of orders read for that."),
	}
}

// Describe implements prometheus.Collector.
func (m *cacheMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.screenings, m.orders, m.bytes, m.readings, m.pages} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (m *cacheMetrics) Collect(metrics chan<- prometheus.Metric) {
	stats := m.seller.CacheStats()
	for _, value := range []struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		n    int64
	}{
		{m.screenings, prometheus.GaugeValue, int64(stats.Screenings)}, {m.orders, prometheus.GaugeValue, stats.Orders},
		{m.bytes, prometheus.GaugeValue, stats.Bytes}, {m.readings, prometheus.CounterValue, stats.Readings},
		{m.pages, prometheus.CounterValue, stats.Pages},
	} {
		metrics <- prometheus.MustNewConstMetric(value.desc, value.kind, float64(value.n))
	}
}
