package api

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/order"
)

// Nothing told whether forged callbacks are counted, and no rule looked for them. Each outcome has a series from the start, so
// that a rule sees the first one; a provider that does not exist has none.
func TestCallbacksAreCountedByWhatCameOfThem(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	f := newFixture(t, func(o *Options) { o.Metrics = registry })
	wantCallbacks(t, registry, map[string]float64{"taken": 0, "forged": 0, "unusable": 0, "failed": 0, "cut_off": 0})
	good := func() ask { return callback(t, testWebhookSecret, testNow(), paidBody) }
	f.send(t, good())
	for range 3 {
		forged := good()
		forged.body += " "
		wantProblem(t, f.send(t, forged), http.StatusUnauthorized, "bad_signature")
	}
	large := good() // of which nobody reads the signature; it was not counted at all
	large.body = strings.Repeat(" ", callbackBytesMax+1)
	wantProblem(t, f.send(t, large), http.StatusRequestEntityTooLarge, "body_too_large")
	f.send(t, callback(t, testWebhookSecret, testNow(), `{"type":"payment.succeeded","data":{}}`))
	f.orders.pay = func(order.Payment) (order.PaymentResult, error) { return "", errors.New("disk") }
	f.send(t, good())
	unknown := good()
	unknown.path += "/nobody"
	wantProblem(t, f.send(t, unknown), http.StatusNotFound, "not_found")
	wantCallbacks(t, registry, map[string]float64{"taken": 1, "forged": 4, "unusable": 1, "failed": 1, "cut_off": 0})
}

// Whoever began a callback, signed by nobody, and ended the connection within its body was counted as a callback that had failed:
// of those a provider sends every one again, and an operator looks for what is wrong in the office.
func TestCallbackThatIsCutOffHasNotFailed(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	f := newFixture(t, func(o *Options) { o.Metrics = registry })
	r := httptest.NewRequest(http.MethodPost, CallbackPath, io.MultiReader(strings.NewReader(`{"type":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	wantProblem(t, w, http.StatusBadRequest, "invalid_request")
	wantCallbacks(t, registry, map[string]float64{"taken": 0, "forged": 0, "unusable": 0, "failed": 0, "cut_off": 1})
}

func wantCallbacks(t *testing.T, registry *prometheus.Registry, want map[string]float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "boxoffice_payment_callbacks_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["provider"] != order.DefaultProvider {
				t.Errorf("%s has a series", labels["provider"])
			}
			got[labels["outcome"]] = metric.GetCounter().GetValue()
		}
	}
	if len(got) != len(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	for outcome, n := range want {
		if got[outcome] != n {
			t.Errorf("counted %v, want %v", got, want)
		}
	}
}
