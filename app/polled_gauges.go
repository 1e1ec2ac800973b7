package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	pollTimeout  = 2 * time.Second // of one poll of the queues or of a database
	pollInterval = 5 * time.Second // between two polls, at least
)

// polledGauges collects gauges whose values are not this process's own, but polled from a source, the queues or a
// database, when the metrics are asked for. A poll has a timeout, and its result is used again for some seconds. If it
// fails, these gauges are missing from the page and boxoffice_facts_up is 0; all other metrics are there as usual.
type polledGauges struct {
	poll  func(context.Context, setGauge) error
	descs map[string]*prometheus.Desc
	up    *prometheus.Desc

	mu       sync.Mutex // held during a poll too, whose result those who ask meanwhile use
	polledAt time.Time
	polled   []prometheus.Metric
}

// setGauge sets one value of a gauge. Label values are in the order of the gauge's labels.
type setGauge func(name string, value float64, labelValues ...string)

// gauge describes one of the polled gauges.
type gauge struct {
	name, help  string
	labels      []string
	constLabels prometheus.Labels // may be nil
}

func newPolledGauges(source string, gauges []gauge, poll func(context.Context, setGauge) error) *polledGauges {
	p := &polledGauges{poll: poll, descs: map[string]*prometheus.Desc{}, up: prometheus.NewDesc("boxoffice_facts_up",
		"Whether the last reading of this source was answered in time.", nil, prometheus.Labels{"source": source})}
	for _, g := range gauges {
		p.descs[g.name] = prometheus.NewDesc(g.name, g.help, g.labels, g.constLabels)
	}
	return p
}

// Describe implements prometheus.Collector.
func (p *polledGauges) Describe(descs chan<- *prometheus.Desc) {
	descs <- p.up
	for _, d := range p.descs {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (p *polledGauges) Collect(metrics chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.polled == nil || time.Since(p.polledAt) >= pollInterval {
		p.polled = p.pollOnce()
		p.polledAt = time.Now()
	}
	for _, m := range p.polled {
		metrics <- m
	}
}

func (p *polledGauges) pollOnce() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), pollTimeout)
	defer cancel()
	var found []prometheus.Metric
	err := p.poll(ctx, func(name string, value float64, labelValues ...string) {
		found = append(found, prometheus.MustNewConstMetric(p.descs[name], prometheus.GaugeValue, value, labelValues...))
	})
	up := 1.0
	if err != nil {
		up, found = 0, nil
	}
	return append(found, prometheus.MustNewConstMetric(p.up, prometheus.GaugeValue, up))
}
