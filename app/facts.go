package app

import (
	"context"
	"sync"
	"time"

	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/stock"

	"github.com/prometheus/client_golang/prometheus"
)

// emitter adds one value of a series; the values of its labels stand in the order of the series.
type emitter func(series string, value float64, labels ...string)

// facts are series that are read from somewhere else: queues or a database. The reading is bounded and kept for a few
// seconds. When it fails, the series are absent and boxoffice_facts_up is 0, and the rest of the page is as ever.
type facts struct {
	read  func(context.Context, emitter) error
	descs map[string]*prometheus.Desc
	up    *prometheus.Desc

	mu     sync.Mutex // also held while reading: those who ask meanwhile want the same
	readAt time.Time
	kept   []prometheus.Metric
}

type series struct {
	name, help string
	labels     []string
	constant   prometheus.Labels // may be nil
}

func newFacts(source string, list []series, read func(context.Context, emitter) error) *facts {
	f := &facts{read: read, descs: map[string]*prometheus.Desc{}, up: prometheus.NewDesc("boxoffice_facts_up",
		"Whether the last reading of this source was answered in time.", nil, prometheus.Labels{"source": source})}
	for _, s := range list {
		f.descs[s.name] = prometheus.NewDesc(s.name, s.help, s.labels, s.constant)
	}
	return f
}

// Describe implements prometheus.Collector.
func (f *facts) Describe(descs chan<- *prometheus.Desc) {
	descs <- f.up
	for _, d := range f.descs {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (f *facts) Collect(metrics chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept == nil || time.Since(f.readAt) >= factsFresh {
		f.kept = f.reading()
		f.readAt = time.Now()
	}
	for _, m := range f.kept {
		metrics <- m
	}
}

func (f *facts) reading() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), factsTimeout)
	defer cancel()
	var found []prometheus.Metric
	err := f.read(ctx, func(name string, value float64, labels ...string) {
		found = append(found, prometheus.MustNewConstMetric(f.descs[name], prometheus.GaugeValue, value, labels...))
	})
	up := 1.0
	if err != nil {
		up, found = 0, nil
	}
	return append(found, prometheus.MustNewConstMetric(f.up, prometheus.GaugeValue, up))
}

func queueSeries() []series {
	return []series{
		{"boxoffice_topic_messages", "Messages ever stored on a topic.", []string{"topic"}, nil},
		{"boxoffice_consumer_lag", "Messages of a topic that a consumer group has not confirmed.", []string{"group", "topic"}, nil},
		{"boxoffice_dead_letters", "Messages that a consumer group gave up and nobody has reviewed.", []string{"group"}, nil},
		{"boxoffice_half_messages_in_doubt", "Half messages of the cluster that wait for commit or rollback, at most.", nil, nil},
		{"boxoffice_half_messages_exhausted", "Half messages of the cluster given up after the last check-back and not reviewed.", nil, nil},
	}
}

func emitDepths(emit emitter, d mq.Depths) {
	for topic, n := range d.Stored {
		emit("boxoffice_topic_messages", float64(n), topic)
	}
	for sub, n := range d.Lag {
		emit("boxoffice_consumer_lag", float64(n), sub.Group, sub.Topic)
	}
	for group, n := range d.DeadLetters {
		emit("boxoffice_dead_letters", float64(n), group)
	}
	emit("boxoffice_half_messages_in_doubt", float64(d.HalvesInDoubt))
	emit("boxoffice_half_messages_exhausted", float64(d.HalvesExhausted))
}

func skewSeries(database string) series {
	return series{"boxoffice_clock_skew_seconds", "How far this process's clock is ahead of a database's.", nil,
		prometheus.Labels{"database": database}}
}

func stockSeries() []series {
	return []series{
		{"boxoffice_tickets", "Tickets of all screenings by where they are.", []string{"state"}, nil},
		{"boxoffice_reservations_stale", "Reservations still held long after their deadline.", nil, nil},
		skewSeries("stock"),
	}
}

func emitStock(emit emitter, t stock.Totals) {
	emit("boxoffice_tickets", float64(t.Available), "available")
	emit("boxoffice_tickets", float64(t.Reserved), "reserved")
	emit("boxoffice_tickets", float64(t.Sold), "sold")
	emit("boxoffice_reservations_stale", float64(t.Stale))
}

func orderSeries() []series {
	return []series{
		{"boxoffice_payments_parked", "Payments that wait for their order.", nil, nil},
		{"boxoffice_payments_mismatched", "Payments of a wrong amount or currency, ever.", nil, nil},
		{"boxoffice_payments_reused", "Payments that came with the id of another one, ever.", nil, nil},
		{"boxoffice_refunds_due", "Refunds that are due.", nil, nil},
		skewSeries("order"),
	}
}

func emitOrders(emit emitter, t order.Totals) {
	emit("boxoffice_payments_parked", float64(t.Parked))
	emit("boxoffice_payments_mismatched", float64(t.Mismatched))
	emit("boxoffice_payments_reused", float64(t.Reused))
	emit("boxoffice_refunds_due", float64(t.RefundsDue))
}
