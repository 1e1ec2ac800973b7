package api

import (
	"net/http"
	"strconv"
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

// routeSeries is the series of one route.
type routeSeries struct {
	*requestSeries
	method, path string
}

func (s *requestSeries) route(method, path string) *routeSeries {
	return &routeSeries{s, method, path}
}

// observe counts one answered request.
func (s *routeSeries) observe(status int, elapsed time.Duration) {
	if s.seconds != nil {
		s.seconds.WithLabelValues(s.method, s.path, statusText(status)).Observe(elapsed.Seconds())
	}
}

// statusText spares the hot answers an allocation.
func statusText(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusAccepted:
		return "202"
	case http.StatusConflict:
		return "409"
	default:
		return strconv.Itoa(status)
	}
}
