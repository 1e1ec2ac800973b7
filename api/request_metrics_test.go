package api

import (
	"slices"
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

// Each of the sixty files of the pages had a histogram of its own, 1,600 lines of what /metrics answered.
func TestFilesOfThePagesAreOneRoute(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	series, err := newRequestMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/web/app.js", "/web/jsqr/jsQR.js", "/v1/screenings"} {
		series.route("GET", path).observe(200, 0)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for _, metric := range families[0].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "route" {
				routes = append(routes, label.GetValue())
			}
		}
	}
	if want := []string{"/v1/screenings", "/web/*"}; !slices.Equal(routes, want) {
		t.Errorf("the routes are %v, want %v", routes, want)
	}
}
