package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// requestSeries counts and times requests by route, method and status. Labels come from the routes that there are, so a
// client cannot make series by inventing paths or methods.
type requestSeries struct {
	seconds *prometheus.HistogramVec
	routes  map[route]struct{}
}

type route struct{ method, path string }

func newRequestSeries(registerer prometheus.Registerer) (*requestSeries, error) {
	series := &requestSeries{routes: map[route]struct{}{}}
	if registerer == nil {
		return series, nil
	}
	series.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "boxoffice_http_request_seconds",
		Help:    "Time from a request's headers to the end of its answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})
	return series, registerer.Register(series.seconds)
}

// add makes a route known. It is called before the first request only.
func (s *requestSeries) add(method, path string) {
	s.routes[route{method, path}] = struct{}{}
}

// observe counts one answered request.
func (s *requestSeries) observe(c echo.Context, elapsed time.Duration) {
	if s.seconds == nil {
		return
	}
	method, path := c.Request().Method, c.Path()
	if _, known := s.routes[route{method, path}]; !known {
		method, path = "other", "unmatched"
	}
	s.seconds.WithLabelValues(method, path, statusText(c.Response().Status)).Observe(elapsed.Seconds())
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
