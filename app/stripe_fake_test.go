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

// stripeFake is Stripe, as far as a session is created, paid, refunded and told of.
type stripeFake struct {
	t         *testing.T
	whSecrets [2]string
	signs     int

	mu   sync.Mutex
	made url.Values // of the last session
	back url.Values // of the last refund
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

// ServeHTTP creates a session, and a refund. What else the office asks for once it is paid gets no answer.
func (s *stripeFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+stripeKey {
		s.t.Errorf("Stripe is called with %q", got)
	}
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/checkout/sessions":
		s.made = r.PostForm
	case "GET /v1/refunds":
		_, _ = w.Write(encodeJSON(s.t, map[string]any{"object": "list", "url": "/v1/refunds", "has_more": false, "data": []any{}}))
		return
	case "POST /v1/refunds":
		s.takeRefund(w, r)
		return
	default:
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
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
	return s.event("evt_1", "checkout.session.completed", map[string]any{
		"id": "cs_test_1", "object": "checkout.session", "status": "complete", "payment_status": "paid", "livemode": false,
		"payment_intent": "pi_1", "amount_total": 4900, "currency": "cny", "client_reference_id": started.ID,
		"metadata": map[string]string{"office": office, "attempt_id": started.ID, "order_id": order},
	})
}

// takeRefund takes a refund, whose money is then on its way.
func (s *stripeFake) takeRefund(w http.ResponseWriter, r *http.Request) {
	s.back = r.PostForm
	for name, want := range map[string]string{
		"payment_intent": "pi_1", "amount": "4900", "metadata[office]": s.made.Get("metadata[office]"),
	} {
		if got := s.back.Get(name); got != want {
			s.t.Errorf("Stripe is to refund with %s %q, want %q", name, got, want)
		}
	}
	if key := r.Header.Get("Idempotency-Key"); key == "" || key != s.back.Get("metadata[refund_key]") {
		s.t.Errorf("Stripe is to refund under the key %q, and the refund's is %q", key, s.back.Get("metadata[refund_key]"))
	}
	_, _ = w.Write(encodeJSON(s.t, s.refund("pending")))
}

// refund is the refund, in a state.
func (s *stripeFake) refund(status string) map[string]any {
	return map[string]any{
		"id": "re_1", "object": "refund", "status": status, "payment_intent": "pi_1", "amount": 4900, "currency": "cny",
		"metadata": map[string]string{"office": s.back.Get("metadata[office]"), "refund_key": s.back.Get("metadata[refund_key]")},
	}
}

func (s *stripeFake) refunded() (header []string, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.event("evt_2", "refund.updated", s.refund("succeeded"))
}

// event is a signed callback.
func (s *stripeFake) event(id, kind string, about map[string]any) (header []string, body string) {
	raw := encodeJSON(s.t, map[string]any{
		"id": id, "object": "event", "api_version": "2020-08-27", "livemode": false, "type": kind, "data": map[string]any{"object": about},
	})
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: raw, Secret: s.whSecrets[s.signs], Timestamp: time.Now()})
	return []string{"Content-Type", "application/json; charset=utf-8", "Stripe-Signature", signed.Header}, string(raw)
}

func (s *stripeFake) taken() (contentType, body string) {
	return "application/json", `{"result":"RESULT"}`
}
