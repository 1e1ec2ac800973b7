package stripe_test

import (
	"slices"
	"testing"
	"time"

	"boxoffice/payment"
)

// keys returns the idempotency keys of the calls to a path.
func (f *fake) keys(path string) (keys []string) {
	f.locked(func() {
		for _, c := range f.calls {
			if c.path == path {
				keys = append(keys, c.idempotencyKey)
			}
		}
	})
	return keys
}

// Stripe failed once, and repeated that answer for a day, while the office sent the refund again under the same key until a person
// had to look at it. Now it is sent under another key, once it has been looked for in vain for minutes.
func TestRefundThatStripeHasFailedToMake(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	f.locked(func() { f.failing = 2 })
	r := newRefund(s, "rf_1", 3000, 9800, "CNY")
	for _, waited := range []time.Duration{0, 10 * time.Second, 4 * time.Minute, 6 * time.Minute} {
		r.Waited = waited
		_, err := p.Refund(t.Context(), r)
		wantError(t, err, false)
	}
	for range 2 { // the second one finds it
		got, err := p.Refund(t.Context(), r)
		want(t, got, err, payment.RefundStatus{State: payment.RefundDone, Reference: "re_1"})
	}
	if len(f.refunds) != 1 {
		t.Errorf("there are %d refunds", len(f.refunds))
	}
	asked := []string{"rf_1", "rf_1", "rf_1", "rf_1", "rf_1-1", "rf_1", "rf_1-1", "rf_1-2"}
	if got := f.keys("POST /v1/refunds"); !slices.Equal(got, asked) {
		t.Errorf("sent under %q, want %q", got, asked)
	}
}

// Stripe has made the refund, and answered that it has failed: it is found, and not sent again.
func TestRefundThatWasMadeAllTheSame(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	f.locked(func() { f.failing = 1 })
	r := newRefund(s, "rf_1", 3000, 9800, "CNY")
	_, err := p.Refund(t.Context(), r)
	wantError(t, err, false)
	f.locked(func() {
		f.refunds = append(f.refunds, &refund{
			id: "re_7", intent: s.intent.id, status: "succeeded", amount: 3000, currency: "cny", metadata: map[string]string{"refund_key": "rf_1"},
		})
	})
	r.Waited = time.Hour
	got, err := p.Refund(t.Context(), r)
	want(t, got, err, payment.RefundStatus{State: payment.RefundDone, Reference: "re_7"})
	if len(f.refunds) != 1 {
		t.Errorf("there are %d refunds", len(f.refunds))
	}
}

// A failure of Stripe made an order impossible to pay, since each start was answered by that failure. The next start opens a
// session, and all that follow are the same.
func TestStartThatStripeHasFailed(t *testing.T) {
	p, f := newProvider(t)
	f.locked(func() { f.failing = 2 })
	for range 2 {
		_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
		wantError(t, err, false)
	}
	for range 2 {
		if a := start(t, p, newAttempt(9800, "CNY")); a.Reference != "cs_test_1" {
			t.Errorf("started %s", a.Reference)
		}
	}
	if len(f.sessions) != 1 {
		t.Errorf("there are %d sessions", len(f.sessions))
	}
	f.locked(func() { f.failing, f.answers, f.calls = 1000, map[string]savedAnswer{}, nil })
	for range 20 {
		_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
		wantError(t, err, false)
	}
	if keys := f.keys("POST /v1/checkout/sessions"); len(slices.Compact(slices.Sorted(slices.Values(keys)))) != 16 {
		t.Errorf("tried under %q, want no more than 16 keys", keys)
	}
}
