package api

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"boxoffice/common/db"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// ownWords is a provider that wants its own answer to a callback.
type ownWords struct{ payment.Provider }

func (ownWords) Name() string { return "own" }

func (ownWords) Acknowledgement() (contentType, body string) { return "text/plain", "success" }

// withOwnWords adds such a provider to the one that is there.
func withOwnWords(t testing.TB) func(*Options) {
	return func(o *Options) {
		provider, err := webhook.New(webhook.Options{Secrets: []string{testWebhookSecret}, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		fake := *o.Payments.(*fakePayments)
		fake.Service = payment.New(&db.DB{}, payment.Options{
			Orders: fake.orders, Providers: []payment.Provider{provider, ownWords{provider}}, Now: testNow, Log: slog.New(slog.DiscardHandler),
		})
		t.Cleanup(fake.Close)
		o.Payments = &fake
	}
}

// Alipay takes any answer but "success" for a failure, and sends its notification again for a day. No test saw whether a provider
// gets the answer that it waits for; what was not taken is no success to it either.
func TestProviderIsAnsweredInItsOwnWords(t *testing.T) {
	f := newFixture(t, withOwnWords(t))
	send := func(provider, secret string) string {
		a := callback(t, secret, testNow(), paidBody)
		a.path += "/" + provider
		w := f.send(t, a)
		return fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	for _, result := range []order.PaymentResult{order.Applied, order.Duplicate, order.RefundDue, order.Parked} {
		f.orders.pay = func(order.Payment) (order.PaymentResult, error) { return result, nil }
		for provider, want := range map[string]string{
			"own": "200 text/plain success", "webhook": `200 application/json {"result":"` + string(result) + `"}`,
		} {
			if got := send(provider, testWebhookSecret); got != want {
				t.Errorf("of a payment that is %s, provider %s is told %s, want %s", result, provider, got, want)
			}
		}
	}
	if got := send("own", oldWebhookSecret); !strings.HasPrefix(got, "401 application/problem+json ") {
		t.Errorf("a forged one is answered %s", got)
	}
	f.orders.pay = func(order.Payment) (order.PaymentResult, error) { return "", order.ErrUnavailable }
	if got := send("own", testWebhookSecret); !strings.HasPrefix(got, "503 application/problem+json ") {
		t.Errorf("one that is not recorded is answered %s", got)
	}
}
