package api

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestSeries counts and times requests by route, method and status. Labels come from the routes that there are, so a
// client cannot make series by inventing paths or methods.
type requestSeries struct {
	seconds *prometheus.HistogramVec // nil: nothing is counted
}

func newRequestSeries(registerer prometheus.Registerer) (*requestSeries, error) {
	if registerer == nil {
		return &requestSeries{}, nil
	}
	series := &requestSeries{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "boxoffice_http_request_seconds",
		Help:    "Time from a request's headers to the end of its answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})}
	return series, registerer.Register(series.seconds)
}

// routeSeries is the series of one route. It remembers them by status: a route has few, and finding one by its labels
// costs more than counting.
type routeSeries struct {
	*requestSeries
	method, path string
	known        atomic.Pointer[[]statusSeries]
}

type statusSeries struct {
	status  int
	seconds prometheus.Observer
}

func (s *requestSeries) route(method, path string) *routeSeries {
	return &routeSeries{requestSeries: s, method: method, path: path}
}

// observe counts one answered request.
func (s *routeSeries) observe(status int, elapsed time.Duration) {
	if s.seconds != nil {
		s.of(status).Observe(elapsed.Seconds())
	}
}

func (s *routeSeries) of(status int) prometheus.Observer {
	var known []statusSeries
	before := s.known.Load()
	if before != nil {
		known = *before
	}
	for _, series := range known {
		if series.status == status {
			return series.seconds
		}
	}
	found := statusSeries{status, s.seconds.WithLabelValues(s.method, s.path, strconv.Itoa(status))}
	more := append(slices.Clip(known), found)
	s.known.CompareAndSwap(before, &more) // who is second finds it by its labels once more
	return found.seconds
}
