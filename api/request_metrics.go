package api

import (
	"slices"
	"strconv"
	"sync/atomic"
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

// routeMetrics is one route's part of requestMetrics. It keeps the histogram of each status that the route has answered
// with, because a look-up by labels costs more than the observation.
type routeMetrics struct {
	*requestMetrics
	method, path string
	byStatus     atomic.Pointer[[]statusHistogram]
}

type statusHistogram struct {
	status  int
	seconds prometheus.Observer
}

func (m *requestMetrics) route(method, path string) *routeMetrics {
	return &routeMetrics{requestMetrics: m, method: method, path: path}
}

// observe adds one answered request.
func (m *routeMetrics) observe(status int, elapsed time.Duration) {
	if m.seconds != nil {
		m.histogram(status).Observe(elapsed.Seconds())
	}
}

func (m *routeMetrics) histogram(status int) prometheus.Observer {
	var known []statusHistogram
	before := m.byStatus.Load()
	if before != nil {
		known = *before
	}
	for _, h := range known {
		if h.status == status {
			return h.seconds
		}
	}
	found := statusHistogram{status, m.seconds.WithLabelValues(m.method, m.path, strconv.Itoa(status))}
	more := append(slices.Clip(known), found)
	m.byStatus.CompareAndSwap(before, &more) // if another request was faster, the next one looks this status up again
	return found.seconds
}
