package api

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/payment"
)

// callbackMetrics counts the callbacks of each payment provider by what came of them. A provider that does not exist has
// no series, so that a client cannot make any.
type callbackMetrics struct {
	total *prometheus.CounterVec // nil: nothing is counted
}

func newCallbackMetrics(registerer prometheus.Registerer) (*callbackMetrics, error) {
	if registerer == nil {
		return &callbackMetrics{}, nil
	}
	metrics := &callbackMetrics{total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "boxoffice_payment_callbacks_total",
		Help: "Callbacks of payment providers: taken, forged, unusable, or failed and to be sent again.",
	}, []string{"provider", "outcome"})}
	return metrics, registerer.Register(metrics.total)
}

// count counts a callback that was answered with err.
func (m *callbackMetrics) count(provider string, err error) {
	if m.total == nil || errors.Is(err, payment.ErrUnknownProvider) {
		return
	}
	outcome := "failed"
	if err == nil {
		outcome = "taken"
	} else if errors.Is(err, payment.ErrForged) {
		outcome = "forged"
	} else if _, unusable := errors.AsType[payment.BadCallback](err); unusable {
		outcome = "unusable"
	}
	m.total.WithLabelValues(provider, outcome).Inc()
}
