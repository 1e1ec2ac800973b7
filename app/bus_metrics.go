package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/common/mq"
)

// busMetrics collects how many messages this process has sent, received and checked since it started.
type busMetrics struct {
	bus                                         *mq.Bus
	sent, halves, elsewhere, deliveries, checks *prometheus.Desc
}

func newBusMetrics(bus *mq.Bus) *busMetrics {
	return &busMetrics{
		bus: bus,
		sent: prometheus.NewDesc("boxoffice_messages_sent_total",
			"Plain and delayed messages, stored by the broker or given up.", []string{"result"}, nil),
		halves: prometheus.NewDesc("boxoffice_half_messages_sent_total",
			"Half messages whose local transaction ran (sent) or did not (failed).", []string{"result"}, nil),
		elsewhere: prometheus.NewDesc("boxoffice_half_messages_redirected_total",
			"Times that a half message went to another master, after one that had refused it or was silent.", nil, nil),
		deliveries: prometheus.NewDesc("boxoffice_deliveries_total",
			"Messages delivered to this process, by what its handler did with them.", []string{"result"}, nil),
		checks: prometheus.NewDesc("boxoffice_check_backs_total",
			"Check-backs answered by this process.", []string{"outcome"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *busMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.sent, m.halves, m.elsewhere, m.deliveries, m.checks} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (m *busMetrics) Collect(metrics chan<- prometheus.Metric) {
	stats := m.bus.Stats()
	for _, value := range []struct {
		desc  *prometheus.Desc
		n     int64
		label string
	}{
		{m.sent, stats.Sent, "sent"}, {m.sent, stats.SendFailed, "failed"},
		{m.halves, stats.HalvesSent, "sent"}, {m.halves, stats.HalvesFailed, "failed"},
		{m.deliveries, stats.Handled, "handled"}, {m.deliveries, stats.Retried, "retried"},
		{m.deliveries, stats.DeadLettered, "dead_lettered"},
		{m.checks, stats.ChecksCommitted, "commit"}, {m.checks, stats.ChecksRolledBack, "rollback"},
		{m.checks, stats.ChecksUnknown, "unknown"},
	} {
		metrics <- prometheus.MustNewConstMetric(value.desc, prometheus.CounterValue, float64(value.n), value.label)
	}
	metrics <- prometheus.MustNewConstMetric(m.elsewhere, prometheus.CounterValue, float64(stats.HalvesElsewhere))
}
