package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestMetrics is a histogram of the time of requests by route, method and status. Its labels are those of registered
// routes: a client cannot make new series by inventing paths or methods.
type requestMetrics struct {
	seconds *prometheus.HistogramVec // nil: nothing is counted
}

func newRequestMetrics(registerer prometheus.Registerer) (*requestMetrics, error) {
	if registerer == nil {
		return &requestMetrics{}, nil
	}
	metrics := &requestMetrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "boxoffice_http_request_seconds",
		Help:    "Time from a request's headers to the end of its answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})}
	return metrics, registerer.Register(metrics.seconds)
}

// routeMetrics is one route's part of requestMetrics.
type routeMetrics struct {
	seconds prometheus.ObserverVec // by status
}

// route returns the part of a route. The files of the pages are some sixty, and one route here.
func (m *requestMetrics) route(method, path string) *routeMetrics {
	if m.seconds == nil {
		return &routeMetrics{}
	}
	if strings.HasPrefix(path, "/web/") {
		path = "/web/*"
	}
	return &routeMetrics{m.seconds.MustCurryWith(prometheus.Labels{"method": method, "route": path})}
}

// observe adds one answered request.
func (m *routeMetrics) observe(status int, elapsed time.Duration) {
	if m.seconds != nil {
		m.seconds.WithLabelValues(strconv.Itoa(status)).Observe(elapsed.Seconds())
	}
}
