package webhook_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// A proxy before a gateway that is being deployed, or a wrong BOXOFFICE_PAYMENT_URL, answers 404 to everything. To the package
// payment that says, of a refund whose first answer was lost, that the gateway knows nothing of it.
func TestStrange404IsNoWordOfARefund(t *testing.T) {
	answer := http.NotFound
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer server.Close()
	p, err := webhook.New(webhook.Options{
		Secrets: []string{"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}, Now: time.Now,
		URL: func() string { return server.URL }, CallbackURL: func() string { return "http://shop.example" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.QueryRefund(t.Context(), payment.Refund{Key: "rf_1"}); errors.Is(err, payment.ErrUnknownRefund) {
		t.Errorf("%v", err)
	}
	answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"state":"unknown"}`)) }
	if _, err := p.QueryRefund(t.Context(), payment.Refund{Key: "rf_1"}); !errors.Is(err, payment.ErrUnknownRefund) {
		t.Errorf("the gateway's own word: %v", err)
	}
}
