//go:build !race

package app

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"

	"boxoffice/app/settings"
)

const stripeKey = "sk_test_0123456789012345678901234567"

// stripeFake is Stripe, as far as a session is created, paid and told of.
type stripeFake struct {
	t         *testing.T
	whSecrets [2]string
	signs     int

	mu   sync.Mutex
	made url.Values // of the last session
}

var _ realProvider = (*stripeFake)(nil)

func newStripe(t *testing.T, keys providerKeys) *stripeFake {
	return &stripeFake{
		t: t, signs: keys.signs, whSecrets: [2]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
	}
}

func (s *stripeFake) secrets() map[string]string {
	return map[string]string{settings.EnvStripeKey: stripeKey, settings.EnvStripeWebhookSecret: strings.Join(s.whSecrets[:], " ")}
}

func (s *stripeFake) plain() map[string]string { return nil }

// ServeHTTP creates a session. What the office asks for once it is paid gets no answer.
func (s *stripeFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+stripeKey {
		s.t.Errorf("Stripe is called with %q", got)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/checkout/sessions" {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	s.made = r.PostForm
	s.mu.Unlock()
	_, _ = w.Write(encodeJSON(s.t, map[string]any{
		"id": "cs_test_1", "object": "checkout.session", "status": "open", "payment_status": "unpaid", "livemode": false,
		"url": "https://checkout.stripe.com/c/pay/cs_test_1",
	}))
}

// wantStarted checks the session. Where Stripe calls back is set at Stripe.
func (s *stripeFake) wantStarted(order string, started startedPayment) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, want := range map[string]string{
		"metadata[order_id]": order, "client_reference_id": started.ID, "success_url": realShop + "/orders",
		"line_items[0][price_data][unit_amount]": "4900", "line_items[0][price_data][currency]": "cny",
	} {
		if got := s.made.Get(name); got != want {
			s.t.Errorf("Stripe is told %s %q, want %q", name, got, want)
		}
	}
	if started.Action.Kind != "redirect" || started.Action.URL != "https://checkout.stripe.com/c/pay/cs_test_1" {
		s.t.Errorf("the payer of Stripe is to %+v", started.Action)
	}
}

func (s *stripeFake) paid(order string, started startedPayment, ours bool) (header []string, body string) {
	s.mu.Lock()
	office := s.made.Get("metadata[office]")
	s.mu.Unlock()
	if !ours {
		office += "-copy" // Stripe sends the events of all that use an account to each of them
	}
	raw := encodeJSON(s.t, map[string]any{
		"id": "evt_1", "object": "event", "api_version": "2020-08-27", "livemode": false, "type": "checkout.session.completed",
		"data": map[string]any{"object": map[string]any{
			"id": "cs_test_1", "object": "checkout.session", "status": "complete", "payment_status": "paid", "livemode": false,
			"payment_intent": "pi_1", "amount_total": 4900, "currency": "cny", "client_reference_id": started.ID,
			"metadata": map[string]string{"office": office, "attempt_id": started.ID, "order_id": order},
		}},
	})
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: raw, Secret: s.whSecrets[s.signs], Timestamp: time.Now()})
	return []string{"Content-Type", "application/json; charset=utf-8", "Stripe-Signature", signed.Header}, string(raw)
}

func (s *stripeFake) taken() (contentType, body string) {
	return "application/json", `{"result":"RESULT"}`
}
