package stripe_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"boxoffice/payment"
)

// Each state of a refund at Stripe, as it is answered first and when it is asked for.
func TestRefundStates(t *testing.T) {
	for stripes, wanted := range map[string]payment.RefundStatus{
		"pending":         {State: payment.RefundPending, Reference: "re_1"},
		"requires_action": {State: payment.RefundPending, Reference: "re_1"},
		"succeeded":       {State: payment.RefundDone, Reference: "re_1"},
		"failed":          {State: payment.RefundFailed, Reference: "re_1", Detail: "failed"},
		"canceled":        {State: payment.RefundFailed, Reference: "re_1", Detail: "canceled"},
	} {
		p, f := newProvider(t)
		_, s := startPaid(t, p, f, 9800, "CNY")
		f.refundStatus = stripes
		r := newRefund(s, "rf_1", 9800, 9800, "CNY")
		got, err := p.Refund(t.Context(), r)
		want(t, got, err, wanted)
		sent := f.calls[len(f.calls)-1]
		if sent.idempotencyKey != "rf_1" || sent.form.Get("metadata[refund_key]") != "rf_1" ||
			sent.form.Get("metadata[reason]") != "order_cancelled" || sent.form.Get("metadata[office]") != testOffice {
			t.Errorf("sent %+v", sent)
		}
		got, err = p.QueryRefund(t.Context(), r) // whose answer was lost
		want(t, got, err, wanted)
		r.Reference = "re_1"
		f.refunds[0].status, f.refunds[0].reason = "failed", "expired_or_canceled_card"
		got, err = p.QueryRefund(t.Context(), r)
		want(t, got, err, payment.RefundStatus{State: payment.RefundFailed, Reference: "re_1", Detail: "expired_or_canceled_card"})
	}
}

// A key is one refund: sent again at once, after its answer was lost, and after Stripe has forgotten the idempotency
// key. The second sending tells how the refund stands now, not what was answered first.
func TestRefundAgainIsTheSameRefund(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	f.refundStatus = "pending"
	r := newRefund(s, "rf_1", 3000, 9800, "CNY")
	f.instead = func(_ http.ResponseWriter, r *http.Request) bool {
		f.loseAnswer = r.Method == http.MethodPost
		return false
	}
	_, err := p.Refund(t.Context(), r)
	wantError(t, err, false)
	f.locked(func() { f.instead, f.loseAnswer = nil, false })
	for _, state := range []string{"pending", "succeeded"} {
		f.refunds[0].status = state
		f.answers = map[string]savedAnswer{}
		got, err := p.Refund(t.Context(), r)
		want(t, got, err, payment.RefundStatus{
			State: map[string]payment.RefundState{"pending": payment.RefundPending, "succeeded": payment.RefundDone}[state], Reference: "re_1",
		})
	}
	if len(f.refunds) != 1 {
		t.Errorf("there are %d refunds", len(f.refunds))
	}
}

// Two sendings at once look for the refund before either has made it; the idempotency key makes them one.
func TestTwoSendingsAtOnce(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	none := `{"object":"list","url":"/v1/refunds","has_more":false,"data":[]}`
	f.answerWith("GET /v1/refunds", http.StatusOK, nil, none)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			got, err := p.Refund(t.Context(), newRefund(s, "rf_1", 3000, 9800, "CNY"))
			want(t, got, err, payment.RefundStatus{State: payment.RefundDone, Reference: "re_1"})
		})
	}
	running.Wait()
	if len(f.refunds) != 1 {
		t.Errorf("there are %d refunds", len(f.refunds))
	}
}

// Parts go back one by one, each under its own key, until nothing is left. Beyond a page of them each is still found.
func TestPartialRefunds(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 120, "CNY")
	for n := 1; n <= 120; n++ {
		got, err := p.Refund(t.Context(), newRefund(s, fmt.Sprintf("rf_%d", n), 1, 120, "CNY"))
		want(t, got, err, payment.RefundStatus{State: payment.RefundDone, Reference: fmt.Sprintf("re_%d", n)})
	}
	got, err := p.QueryRefund(t.Context(), newRefund(s, "rf_2", 1, 120, "CNY"))
	want(t, got, err, payment.RefundStatus{State: payment.RefundDone, Reference: "re_2"})
	_, err = p.Refund(t.Context(), newRefund(s, "rf_121", 1, 120, "CNY"))
	wantError(t, err, true)
}

// A refund that Stripe has not got is neither done nor failed; one of more than is left, or of an unknown payment, is
// refused.
func TestRefundsThatAreNot(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	_, err := p.QueryRefund(t.Context(), newRefund(s, "rf_1", 9800, 9800, "CNY"))
	wantError(t, err, false)
	lost := newRefund(s, "rf_1", 9800, 9800, "CNY")
	lost.Reference = "re_9"
	if got, err := p.QueryRefund(t.Context(), lost); err == nil {
		t.Errorf("got %+v", got)
	}
	_, err = p.Refund(t.Context(), newRefund(s, "rf_2", 9801, 9800, "CNY"))
	wantError(t, err, true)
	unknown := newRefund(s, "rf_3", 1, 9800, "CNY")
	unknown.PaymentID = "pi_unknown"
	_, err = p.Refund(t.Context(), unknown)
	wantError(t, err, true)
	if len(f.refunds) != 0 {
		t.Errorf("there are %d refunds", len(f.refunds))
	}
}

// A list that is not Stripe's must not be taken for one without this refund, nor break the office.
func TestRefundDoesNotTrustABadList(t *testing.T) {
	for _, body := range []string{
		`null`, `{}`, `[]`, `{"object":"list","url":"/v1/refunds","has_more":true,"data":[]}`,
		`{"object":"list","url":"/v1/refunds","data":[null]}`, `{"object":"list","url":"/v1/refunds","has_more":true,"data":[{"id":"re_1"}]}`,
	} {
		p, f := newProvider(t)
		_, s := startPaid(t, p, f, 9800, "CNY")
		f.answerWith("GET /v1/refunds", http.StatusOK, nil, body)
		_, err := p.Refund(t.Context(), newRefund(s, "rf_1", 1, 9800, "CNY"))
		wantError(t, err, false)
		if n := f.countCalls("GET /v1/refunds"); len(f.refunds) != 0 || n > 10 {
			t.Errorf("%s: %d refunds were made after %d pages", body, len(f.refunds), n)
		}
	}
}

// A refund whose answer has no state is asked for again.
func TestRefundReadsItsAnswer(t *testing.T) {
	for _, body := range []string{`null`, `{"id":"re_1"}`, `{"id":"re_1","status":"lost"}`, `<html>`, ``} {
		p, f := newProvider(t)
		_, s := startPaid(t, p, f, 9800, "CNY")
		f.answerWith("POST /v1/refunds", http.StatusOK, nil, body)
		_, err := p.Refund(t.Context(), newRefund(s, "rf_1", 1, 9800, "CNY"))
		wantError(t, err, false)
	}
}

// The answer for another refund was taken for the asked one: a proxy that mixed two up ended a refund that was never sent.
func TestAnswerOfAnotherRefundIsNone(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	r := newRefund(s, "rf_1", 1, 9800, "CNY")
	r.Reference = "re_1"
	f.answerWith("GET /v1/refunds/re_1", http.StatusOK, nil, `{"id":"re_2","status":"succeeded"}`)
	_, err := p.QueryRefund(t.Context(), r)
	wantError(t, err, false)
	r.Reference = ""
	f.answerWith("POST /v1/refunds", http.StatusOK, nil, `{"id":"re_2","status":"succeeded","metadata":{"refund_key":"rf_2"}}`)
	_, err = p.Refund(t.Context(), r)
	wantError(t, err, false)
}
