package stripe_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/stripe"
)

const (
	testSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_AAAAAr8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func testNow() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// newProvider returns a provider of a fake.
func newProvider(t *testing.T) (*stripe.Provider, *fake) {
	t.Helper()
	f, url := newFake(t)
	return providerOf(t, stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}, URL: url, Now: testNow}), f
}

func providerOf(t *testing.T, opts stripe.Options) *stripe.Provider {
	t.Helper()
	p, err := stripe.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newAttempt(amount int64, currency string) payment.Attempt {
	return payment.Attempt{
		ID: "abcdefghijklmnopqrstuvwxyz234567", OrderID: "01JABC", Amount: event.Money{Amount: amount, Currency: currency},
		Description: "Order 01JABC", ReturnURL: "https://tickets.example/orders/01JABC", ExpiresAt: testNow().Add(15 * time.Minute),
	}
}

// start starts an attempt, and returns it with its reference.
func start(t *testing.T, p *stripe.Provider, a payment.Attempt) payment.Attempt {
	t.Helper()
	started, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	a.Reference = started.Reference
	return a
}

// pay makes a session as it is after its payer has paid: at once, or with a delayed method.
func (f *fake) pay(id, paymentStatus, intentStatus string) *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.find(id)
	s.status, s.paymentStatus, s.intent.status = "complete", paymentStatus, intentStatus
	return s
}

// startPaid returns an attempt that is paid.
func startPaid(t *testing.T, p *stripe.Provider, f *fake, amount int64, currency string) (payment.Attempt, *session) {
	t.Helper()
	a := start(t, p, newAttempt(amount, currency))
	return a, f.pay(a.Reference, "paid", "succeeded")
}

// ours is the metadata of what this office has made.
func ours(namesAndValues ...string) map[string]string {
	metadata := map[string]string{"office": testOffice}
	for i := 0; i < len(namesAndValues); i += 2 {
		metadata[namesAndValues[i]] = namesAndValues[i+1]
	}
	return metadata
}

func newRefund(s *session, key string, amount, total int64, currency string) payment.Refund {
	return payment.Refund{
		Key: key, PaymentID: s.intent.id, Amount: event.Money{Amount: amount, Currency: currency},
		Total: event.Money{Amount: total, Currency: currency}, Reason: "order_cancelled",
	}
}

// answerWith makes the fake answer all calls of a path in one way, without doing them.
func (f *fake) answerWith(path string, status int, header http.Header, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.Method+" "+r.URL.Path, path) {
			return false
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		write(w, status, []byte(body))
		return true
	}
}

// locked changes the fake, or looks at it, while calls may still be under way.
func (f *fake) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fake) countCalls(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c.path == path {
			n++
		}
	}
	return n
}

func want[T any](t *testing.T, got T, err error, wanted T) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, wanted) {
		t.Errorf("got %+v, %v, want %+v", got, err, wanted)
	}
}

func wantError(t *testing.T, err error, refused bool) {
	t.Helper()
	if err == nil || errors.Is(err, payment.ErrRefused) != refused {
		t.Errorf("got error %v, want one that is refused: %t", err, refused)
	}
	if err != nil && strings.Contains(err.Error(), testKey) {
		t.Errorf("the error tells the key: %v", err)
	}
}

// eventBody is the body of a callback, by default of an older API version than the library's.
func eventBody(t *testing.T, kind string, object any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"id": "evt_1", "object": "event", "api_version": "2020-08-27", "created": testNow().Unix(), "livemode": false,
		"pending_webhooks": 1, "request": map[string]any{"id": nil, "idempotency_key": nil}, "type": kind,
		"data": map[string]any{"object": object},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// sign signs as Stripe does, with its own library.
func sign(body []byte, secret string, at time.Time) http.Header {
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at})
	return http.Header{"Stripe-Signature": {signed.Header}}
}

func verify(t *testing.T, p *stripe.Provider, body []byte) (payment.Report, error) {
	t.Helper()
	return p.Verify(context.Background(), sign(body, testSecret, testNow()), body)
}
