package api

import (
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests of many statuses come at once, and each of them is counted.
func TestEveryRequestIsCounted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	series, err := newRequestMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	const callers, each, statuses = 8, 200, 20
	route := series.route("GET", "/v1/screenings")
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for n := range each {
				route.observe(200+n%statuses, 0)
			}
		})
	}
	calling.Wait()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var counted uint64
	for _, metric := range families[0].GetMetric() {
		if n := metric.GetHistogram().GetSampleCount(); n != callers*each/statuses {
			t.Errorf("%v counted %d, want %d", metric.GetLabel(), n, callers*each/statuses)
		}
		counted += metric.GetHistogram().GetSampleCount()
	}
	if counted != callers*each {
		t.Errorf("%d of %d requests are counted", counted, callers*each)
	}
}
