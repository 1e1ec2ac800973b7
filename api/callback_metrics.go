package api

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/payment"
)

// What can come of a callback.
const (
	outcomeTaken    = "taken"
	outcomeForged   = "forged"   // its signature does not hold, or it is larger than a provider's, and nobody looks at one
	outcomeUnusable = "unusable" // it is signed, and cannot be taken
	outcomeFailed   = "failed"   // it is to be sent again
	outcomeCutOff   = "cut_off"  // its connection ended within its body: a signature says nothing of a part, and anybody can do that
)

// errCutOff says that a request ended within its body.
var errCutOff = errors.New("the request was cut off")

// callbackMetrics counts the callbacks of each payment provider by what came of them. A provider that does not exist has
// no series, so that a client cannot make any.
type callbackMetrics struct {
	total *prometheus.CounterVec // nil: nothing is counted
}

// newCallbackMetrics makes each series at 0: of one that begins with the first forged callback no rule sees an increase.
func newCallbackMetrics(registerer prometheus.Registerer, providers []string) (*callbackMetrics, error) {
	if registerer == nil {
		return &callbackMetrics{}, nil
	}
	metrics := &callbackMetrics{total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "boxoffice_payment_callbacks_total",
		Help: "Callbacks of payment providers: taken, forged, unusable, cut off on their way, or failed and to be sent again.",
	}, []string{"provider", "outcome"})}
	for _, provider := range providers {
		for _, outcome := range []string{outcomeTaken, outcomeForged, outcomeUnusable, outcomeFailed, outcomeCutOff} {
			metrics.total.WithLabelValues(provider, outcome)
		}
	}
	return metrics, registerer.Register(metrics.total)
}

// count counts a callback that was answered with err.
func (m *callbackMetrics) count(provider string, err error) {
	if m.total == nil || errors.Is(err, payment.ErrUnknownProvider) {
		return
	}
	outcome := outcomeFailed
	if err == nil {
		outcome = outcomeTaken
	} else if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || errors.Is(err, payment.ErrForged) {
		outcome = outcomeForged
	} else if _, unusable := errors.AsType[payment.BadCallback](err); unusable {
		outcome = outcomeUnusable
	} else if errors.Is(err, errCutOff) {
		outcome = outcomeCutOff
	}
	m.total.WithLabelValues(provider, outcome).Inc()
}
