package stripe_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/stripe"
)

// The session is of the order: its amount, its names in both metadata, and where the payer goes afterwards.
func TestStartOpensASession(t *testing.T) {
	p, f := newProvider(t)
	a := newAttempt(9800, "CNY")
	started, err := p.Start(t.Context(), a)
	want(t, started, err, payment.Started{
		Reference: "cs_test_1", Action: payment.Action{Kind: payment.Redirect, URL: "https://checkout.stripe.com/c/pay/cs_test_1"},
	})
	sent := f.calls[0]
	if sent.idempotencyKey != "start-"+a.ID {
		t.Errorf("the idempotency key is %q", sent.idempotencyKey)
	}
	for name, value := range map[string]string{
		"mode": "payment", "client_reference_id": a.ID, "success_url": a.ReturnURL, "cancel_url": a.ReturnURL,
		"line_items[0][price_data][unit_amount]": "9800", "line_items[0][price_data][currency]": "cny", "line_items[0][quantity]": "1",
		"line_items[0][price_data][product_data][name]": "Order 01JABC",
		"metadata[office]": testOffice, "payment_intent_data[metadata][office]": testOffice,
		"metadata[attempt_id]": a.ID, "metadata[order_id]": "01JABC", "adaptive_pricing[enabled]": "false",
		"payment_intent_data[metadata][attempt_id]": a.ID, "payment_intent_data[metadata][order_id]": "01JABC",
	} {
		if got := sent.form[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

// An attempt that is started again, later and after its order was extended, is the same session: no parameter may
// differ, or Stripe refuses the idempotency key.
func TestStartAgainIsTheSameSession(t *testing.T) {
	f, url := newFake(t)
	now := testNow()
	p := providerOf(t, stripe.Options{
		Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}, URL: url, Now: func() time.Time { return now },
	})
	a := newAttempt(9800, "CNY")
	first, err := p.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	now, a.ExpiresAt = now.Add(20*time.Minute), a.ExpiresAt.Add(5*time.Minute)
	again, err := p.Start(t.Context(), a)
	want(t, again, err, first)
	if len(f.sessions) != 1 {
		t.Errorf("there are %d sessions", len(f.sessions))
	}
}

// An answer that is lost leaves a session behind, which the next start finds.
func TestStartWhoseAnswerWasLost(t *testing.T) {
	p, f := newProvider(t)
	f.locked(func() { f.loseAnswer = true })
	_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
	wantError(t, err, false)
	f.locked(func() { f.loseAnswer = false })
	if a := start(t, p, newAttempt(9800, "CNY")); a.Reference != "cs_test_1" || len(f.sessions) != 1 {
		t.Errorf("started %s of %d sessions", a.Reference, len(f.sessions))
	}
}

// A key that was used with other parameters refuses nothing for good: the first call may have opened a session.
func TestStartWithAnotherAmountIsUnclear(t *testing.T) {
	p, _ := newProvider(t)
	start(t, p, newAttempt(9800, "CNY"))
	_, err := p.Start(t.Context(), newAttempt(9900, "CNY"))
	wantError(t, err, false)
	if err == nil || !strings.Contains(err.Error(), "idempotency_error") {
		t.Errorf("the error does not say why: %v", err)
	}
}

// An answer without an id or a web address would send the payer nowhere.
func TestStartReadsItsAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"no id": `{"url":"https://checkout.stripe.com/1"}`, "no url": `{"id":"cs_1","url":null}`, "script": `{"id":"cs_1","url":"javascript:x"}`,
		"relative": `{"id":"cs_1","url":"/pay"}`, "id with a space": `{"id":"cs 1","url":"https://checkout.stripe.com/1"}`,
		"long id": `{"id":"` + strings.Repeat("x", 256) + `","url":"https://checkout.stripe.com/1"}`, "null": `null`, "list": `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newProvider(t)
			f.answerWith("POST /v1/checkout/sessions", http.StatusOK, nil, body)
			_, err := p.Start(t.Context(), newAttempt(9800, "CNY"))
			wantError(t, err, false)
		})
	}
}

// Query says how each state of a session is meant. A delayed method is open until it has failed.
func TestQuery(t *testing.T) {
	paid := payment.Status{State: payment.Paid, Payments: []payment.Payment{{
		ID: "pi_1", AttemptID: newAttempt(0, "").ID, OrderID: "01JABC", Amount: event.Money{Amount: 9800, Currency: "CNY"},
	}}}
	for name, test := range map[string]struct {
		status, paymentStatus, intent string
		want                          payment.Status
	}{
		"open":               {"open", "unpaid", "", payment.Status{State: payment.Open}},
		"open and declined":  {"open", "unpaid", "requires_payment_method", payment.Status{State: payment.Open}},
		"paid":               {"complete", "paid", "succeeded", paid},
		"expired":            {"expired", "unpaid", "", payment.Status{State: payment.Closed}},
		"expired, canceled":  {"expired", "unpaid", "canceled", payment.Status{State: payment.Closed}},
		"delayed":            {"complete", "unpaid", "processing", payment.Status{State: payment.Open}},
		"voucher":            {"complete", "unpaid", "requires_action", payment.Status{State: payment.Open}},
		"delayed and failed": {"complete", "unpaid", "requires_payment_method", payment.Status{State: payment.Closed}},
		"delayed, canceled":  {"complete", "unpaid", "canceled", payment.Status{State: payment.Closed}},
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newProvider(t)
			a := start(t, p, newAttempt(9800, "CNY"))
			s := f.pay(a.Reference, test.paymentStatus, test.intent)
			s.status = test.status
			got, err := p.Query(t.Context(), a)
			want(t, got, err, test.want)
		})
	}
}

// What Query cannot understand, or what is of another session, is an error, and neither an end nor money.
func TestQueryReadsItsAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"null": `null`, "other status": `{"id":"cs_test_1","status":"paused","payment_status":"unpaid"}`, "not json": `<html>`, "empty": ``,
		"other session": `{"id":"cs_test_2","status":"complete","payment_status":"paid","amount_total":9800,"currency":"cny",
			"payment_intent":"pi_1"}`,
		"free":          `{"id":"cs_test_1","status":"complete","payment_status":"no_payment_required"}`,
		"no payment id": `{"id":"cs_test_1","status":"complete","payment_status":"paid","amount_total":9800,"currency":"cny"}`,
		"no amount":     `{"id":"cs_test_1","status":"complete","payment_status":"paid","currency":"cny","payment_intent":"pi_1"}`,
		"no currency":   `{"id":"cs_test_1","status":"complete","payment_status":"paid","amount_total":9800,"payment_intent":"pi_1"}`,
		"long payment id": `{"id":"cs_test_1","status":"complete","payment_status":"paid","amount_total":9800,"currency":"cny",
			"payment_intent":"` + strings.Repeat("p", 249) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newProvider(t)
			a := start(t, p, newAttempt(9800, "CNY"))
			f.answerWith("GET ", http.StatusOK, nil, body)
			_, err := p.Query(t.Context(), a)
			wantError(t, err, false)
		})
	}
}

// The key of another account, or of the other mode, was set for a minute. Stripe knew nothing of the sessions that it had made, and
// each, paid or not, was closed for good. Nothing is known of such a session, nor of an attempt without a reference and without
// a payment.
func TestUnknownAttempts(t *testing.T) {
	p, f := newProvider(t)
	for _, call := range []func(context.Context, payment.Attempt) (payment.Status, error){p.Query, p.Close} {
		_, err := call(t.Context(), newAttempt(9800, "CNY"))
		wantError(t, err, false)
		unknown := newAttempt(9800, "CNY")
		unknown.Reference = "cs_test_unknown/../x"
		status, err := call(t.Context(), unknown)
		wantError(t, err, true)
		if status.State != "" {
			t.Errorf("a session that the key does not reach is %s", status.State)
		}
	}
	// A 404 of something in between is not Stripe's word.
	f.answerWith("GET ", http.StatusNotFound, nil, `{"error":{"type":"invalid_request_error","message":"no route"}}`)
	a := newAttempt(9800, "CNY")
	a.Reference = "cs_test_1"
	if status, err := p.Query(t.Context(), a); err == nil {
		t.Errorf("got %+v", status)
	}
}

// A restored database has forgotten an attempt with its reference. Its money is found by what the office wrote beside it, and
// neither that of another office nor that of another attempt.
func TestPaymentOfAForgottenAttemptIsFound(t *testing.T) {
	for _, call := range []func(*stripe.Provider, context.Context, payment.Attempt) (payment.Status, error){
		(*stripe.Provider).Query, (*stripe.Provider).Close,
	} {
		p, f := newProvider(t)
		a, session := startPaid(t, p, f, 9800, "CNY")
		a.Reference = ""
		status, err := call(p, t.Context(), a)
		want(t, status, err, payment.Status{State: payment.Paid, Payments: []payment.Payment{{
			ID: "pi_1", AttemptID: a.ID, OrderID: a.OrderID, Amount: a.Amount,
		}}})
		other := a
		other.ID += "x"
		_, err = call(p, t.Context(), other)
		wantError(t, err, false)
		for _, body := range []string{`{"object":"list","url":"/v1/elsewhere","data":[]}`, `{"url":"/v1/payment_intents/search","data":[null]}`} {
			f.answerWith("GET /v1/payment_intents/search", http.StatusOK, nil, body)
			_, err = call(p, t.Context(), a)
			wantError(t, err, false)
		}
		f.locked(func() { f.instead, session.intent.metadata["office"] = nil, "another" })
		_, err = call(p, t.Context(), a)
		wantError(t, err, false)
	}
}

// Whoever has paid, and starts the same attempt after a restore from another page, is refused by the idempotency key. That refuses
// nothing for good, and the money is found.
func TestStartOfAForgottenAttemptFromAnotherPage(t *testing.T) {
	p, f := newProvider(t)
	a, _ := startPaid(t, p, f, 9800, "CNY")
	a.Reference, a.ReturnURL = "", "https://tickets.example/orders"
	_, err := p.Start(t.Context(), a)
	wantError(t, err, false)
	status, err := p.Query(t.Context(), a)
	want(t, status, err, payment.Status{State: payment.Paid, Payments: []payment.Payment{{
		ID: "pi_1", AttemptID: a.ID, OrderID: a.OrderID, Amount: a.Amount,
	}}})
}

// Close ends an open session, once or twice, and tells of money that was faster.
func TestClose(t *testing.T) {
	p, f := newProvider(t)
	a := start(t, p, newAttempt(9800, "CNY"))
	for range 2 {
		status, err := p.Close(t.Context(), a)
		want(t, status, err, payment.Status{State: payment.Closed})
	}
	if f.sessions[0].status != "expired" {
		t.Errorf("the session is %s", f.sessions[0].status)
	}

	p, f = newProvider(t)
	a, _ = startPaid(t, p, f, 9800, "CNY")
	status, err := p.Close(t.Context(), a)
	want(t, status, err, payment.Status{State: payment.Paid, Payments: []payment.Payment{{
		ID: "pi_1", AttemptID: a.ID, OrderID: a.OrderID, Amount: a.Amount,
	}}})

	p, f = newProvider(t)
	a = start(t, p, newAttempt(9800, "CNY"))
	f.pay(a.Reference, "unpaid", "processing")
	status, err = p.Close(t.Context(), a)
	want(t, status, err, payment.Status{State: payment.Open})
}

// A session that stays open although it was to be expired is an error, since the office must not take it for closed.
func TestCloseThatIsRefused(t *testing.T) {
	p, f := newProvider(t)
	a := start(t, p, newAttempt(9800, "CNY"))
	f.answerWith("POST /v1/checkout/sessions/cs_test_1/expire", http.StatusOK, nil, `{"id":"cs_test_2","status":"expired","payment_status":"unpaid"}`)
	_, err := p.Close(t.Context(), a)
	wantError(t, err, false) // it is another session that has ended
	refused := `{"error":{"type":"invalid_request_error","message":"not today"}}`
	f.answerWith("POST /v1/checkout/sessions/cs_test_1/expire", http.StatusBadRequest, nil, refused)
	_, err = p.Close(t.Context(), a)
	wantError(t, err, true)
	f.answerWith("POST /v1/checkout/sessions/cs_test_1/expire", http.StatusInternalServerError, nil, refused)
	_, err = p.Close(t.Context(), a)
	wantError(t, err, false)
	if n := f.countCalls("GET /v1/checkout/sessions/cs_test_1"); n != 1 {
		t.Errorf("asked %d times how it stands, want once, after the refusal", n)
	}
}
