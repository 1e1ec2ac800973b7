package stripe_test

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/stripe"
)

// What each event of a session means. A session that was not started here is of another use of the account.
func TestSessionEvents(t *testing.T) {
	p, f := newProvider(t)
	a, s := startPaid(t, p, f, 9800, "CNY")
	money := payment.Report{ID: "evt_1", Payments: []payment.Payment{{
		ID: "pi_1", AttemptID: a.ID, Reference: s.id, OrderID: a.OrderID, Amount: event.Money{Amount: 9800, Currency: "CNY"},
	}}}
	closed := payment.Report{ID: "evt_1", Closed: []string{a.ID}}
	nothing := payment.Report{ID: "evt_1"}
	for name, test := range map[string]struct {
		kind, status, paymentStatus, intent string
		want                                payment.Report
	}{
		"completed and paid":   {"checkout.session.completed", "complete", "paid", "succeeded", money},
		"completed, delayed":   {"checkout.session.completed", "complete", "unpaid", "processing", nothing},
		"delayed and paid":     {"checkout.session.async_payment_succeeded", "complete", "paid", "succeeded", money},
		"delayed and failed":   {"checkout.session.async_payment_failed", "complete", "unpaid", "requires_payment_method", closed},
		"expired":              {"checkout.session.expired", "expired", "unpaid", "", closed},
		"completed, free":      {"checkout.session.completed", "complete", "no_payment_required", "", nothing},
		"a payment of its own": {"payment_intent.succeeded", "complete", "paid", "succeeded", nothing},
	} {
		t.Run(name, func(t *testing.T) {
			s.status, s.paymentStatus, s.intent.status = test.status, test.paymentStatus, test.intent
			for _, expand := range []bool{false, true} {
				got, err := verify(t, p, eventBody(t, test.kind, s.object(expand)))
				want(t, got, err, test.want)
			}
			for _, change := range []func(map[string]any){
				func(o map[string]any) { o["metadata"] = nil },
				func(o map[string]any) { o["metadata"] = map[string]string{} },
				func(o map[string]any) { o["metadata"] = map[string]string{"order_id": "01JABC"} },
				// Two offices had one account: each got the events of both, and one refunded what was paid at the other.
				func(o map[string]any) {
					o["metadata"] = ours("attempt_id", a.ID, "order_id", a.OrderID, "office", "theirs")
				},
				func(o map[string]any) { o["metadata"] = map[string]string{"attempt_id": a.ID, "order_id": a.OrderID} },
				func(o map[string]any) { o["client_reference_id"] = nil },
				func(o map[string]any) { o["client_reference_id"] = "theirs" },
			} {
				object := s.object(false)
				change(object)
				got, err := verify(t, p, eventBody(t, test.kind, object))
				want(t, got, err, nothing)
			}
		})
	}
}

// Amounts of callbacks are read as those of answers are.
func TestSessionEventAmounts(t *testing.T) {
	for _, m := range []event.Money{
		{Amount: 500, Currency: "JPY"}, {Amount: 5, Currency: "ISK"}, {Amount: 5, Currency: "UGX"}, {Amount: 500, Currency: "MGA"},
		{Amount: 5120, Currency: "KWD"},
	} {
		p, f := newProvider(t)
		_, s := startPaid(t, p, f, m.Amount, m.Currency)
		got, err := verify(t, p, eventBody(t, "checkout.session.completed", s.object(false)))
		if err != nil || len(got.Payments) != 1 || got.Payments[0].Amount != m {
			t.Errorf("got %+v, %v, want %+v", got, err, m)
		}
	}
}

// What each event of a refund means. One without our key was sent from the Dashboard.
func TestRefundEvents(t *testing.T) {
	p, _ := newProvider(t)
	for _, kind := range []string{"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"} {
		for status, wanted := range map[string]payment.RefundStatus{
			"pending":   {State: payment.RefundPending, Reference: "re_1"},
			"succeeded": {State: payment.RefundDone, Reference: "re_1"},
			"failed":    {State: payment.RefundFailed, Reference: "re_1", Detail: "declined"},
		} {
			r := &refund{id: "re_1", intent: "pi_1", status: status, currency: "cny", amount: 1, metadata: ours("refund_key", "rf_1_2")}
			if status == "failed" {
				r.reason = "declined"
			}
			got, err := verify(t, p, eventBody(t, kind, r.object()))
			want(t, got, err, payment.Report{ID: "evt_1", Refunds: []payment.RefundReport{{Key: "rf_1_2", RefundStatus: wanted}}})
			for _, key := range []string{"", "with space", "rf-1", strings.Repeat("x", 65)} {
				r.metadata["refund_key"] = key
				got, err = verify(t, p, eventBody(t, kind, r.object()))
				want(t, got, err, payment.Report{ID: "evt_1"})
			}
			r.metadata = map[string]string{"refund_key": "rf_1_2", "office": "theirs"}
			got, err = verify(t, p, eventBody(t, kind, r.object()))
			want(t, got, err, payment.Report{ID: "evt_1"})
		}
	}
	got, err := verify(t, p, eventBody(t, "charge.refunded", map[string]any{"id": "ch_1", "metadata": ours("refund_key", "rf_1")}))
	want(t, got, err, payment.Report{ID: "evt_1"})
}

// What is signed and cannot be understood is a BadCallback that says whether it is well-formed.
func TestBadCallbacks(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	changed := func(name string, value any) []byte {
		object := s.object(false)
		object[name] = value
		return eventBody(t, "checkout.session.completed", object)
	}
	for name, test := range map[string]struct {
		body     []byte
		readable bool
	}{
		"not json":        {[]byte(`hello`), false},
		"empty":           {nil, false},
		"cut":             {[]byte(`{"id":"evt_1"`), false},
		"a list":          {[]byte(`[]`), false},
		"no object":       {[]byte(`{"id":"evt_1","type":"checkout.session.completed"}`), false},
		"object a list":   {eventBody(t, "checkout.session.completed", []int{1}), false},
		"amount a word":   {changed("amount_total", "much"), false},
		"no id":           {bytes.Replace(eventBody(t, "ping", map[string]any{}), []byte(`"evt_1"`), []byte(`""`), 1), true},
		"id with a space": {bytes.Replace(eventBody(t, "ping", map[string]any{}), []byte(`"evt_1"`), []byte(`"e 1"`), 1), true},
		"no amount":       {changed("amount_total", nil), true},
		"negative":        {changed("amount_total", -9800), true},
		"no currency":     {changed("currency", nil), true},
		"no payment":      {changed("payment_intent", nil), true},
		"no order":        {changed("metadata", ours("attempt_id", s.reference)), true},
		"half a krona":    {bytes.Replace(changed("amount_total", 150), []byte(`"cny"`), []byte(`"isk"`), 1), true},
		"refund state": {eventBody(t, "refund.updated", map[string]any{
			"id": "re_1", "status": "lost", "metadata": ours("refund_key", "rf_1"),
		}), true},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := verify(t, p, test.body)
			bad, ok := errors.AsType[payment.BadCallback](err)
			if !ok || bad.Readable != test.readable || bad.Detail == "" {
				t.Errorf("got %+v, %#v", report, err)
			}
			want(t, report, nil, payment.Report{})
		})
	}
}

// The library takes names in any case, and the last of those that are given twice: signed, another amount stood beside the
// amount, and was taken.
func TestNamesOfCallbacksAreExact(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	body := string(eventBody(t, "checkout.session.completed", s.object(false)))
	with := func(member string) []byte {
		changed := strings.Replace(body, `"amount_total"`, member+`,"amount_total"`, 1)
		if changed == body {
			t.Fatalf("no amount in %s", body)
		}
		return []byte(changed)
	}
	after := func(member string) []byte {
		return []byte(strings.Replace(body, `"amount_total":9800`, `"amount_total":9800,`+member, 1))
	}
	for _, twice := range [][]byte{with(`"amount_total":1`), after(`"amount_total":1`), after(`"amount_total":9800`)} {
		if report, err := verify(t, p, twice); !errors.As(err, new(payment.BadCallback)) {
			t.Errorf("amount_total twice: %+v, %v", report, err)
		}
	}
	for _, name := range []string{"Amount_Total", "AMOUNT_TOTAL", "amount_\u0074ota\u006c ", "amount_tota\\u004c"} {
		for _, both := range [][]byte{with(`"` + name + `":1`), after(`"` + name + `":1`)} {
			if got, err := verify(t, p, both); err != nil || len(got.Payments) != 1 || got.Payments[0].Amount.Amount != 9800 {
				t.Errorf("%s beside the amount: %+v, %v", name, got, err)
			}
		}
		alone := []byte(strings.Replace(body, `"amount_total"`, `"`+name+`"`, 1))
		if report, err := verify(t, p, alone); !errors.As(err, new(payment.BadCallback)) {
			t.Errorf("%s in place of the amount: %+v, %v", name, report, err)
		}
	}
	// Names of the shop's own are the shop's: those of a session that it has made by other means.
	object := s.object(false)
	object["metadata"] = ours("Kunde", "1", "kunde", "2", "attempt_id", s.reference, "order_id", "01JABC")
	if got, err := verify(t, p, eventBody(t, "checkout.session.completed", object)); err != nil || len(got.Payments) != 1 {
		t.Errorf("metadata with names in two cases: %+v, %v", got, err)
	}
}

// forged checks that a callback is taken for forged, and that nothing of it is told.
func forged(t *testing.T, p *stripe.Provider, what string, header http.Header, body []byte) {
	t.Helper()
	report, err := p.Verify(t.Context(), header, body)
	if !errors.Is(err, payment.ErrForged) || report.ID != "" || report.Payments != nil {
		t.Errorf("%s: got %+v, %v", what, report, err)
	}
}

// Every byte counts, of the body and of the header.
func TestTamperedCallbacks(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	body := eventBody(t, "checkout.session.completed", s.object(false))
	header := sign(body, testSecret, testNow())
	if _, err := p.Verify(t.Context(), header, body); err != nil {
		t.Fatal(err)
	}
	for i := range body {
		tampered := bytes.Clone(body)
		tampered[i] ^= 1
		forged(t, p, "byte "+strconv.Itoa(i), header, tampered)
	}
	forged(t, p, "longer", header, append(bytes.Clone(body), ' '))
	forged(t, p, "shorter", header, body[:len(body)-1])
	value := header.Get("Stripe-Signature")
	for i := range value {
		tampered := []byte(value)
		tampered[i] ^= 1
		forged(t, p, "header "+string(tampered), http.Header{"Stripe-Signature": {string(tampered)}}, body)
	}
}

// A header that is missing, doubled, or written in another way is not Stripe's, even where its signature is right.
func TestSignatureHeaders(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	body := eventBody(t, "checkout.session.completed", s.object(false))
	good := sign(body, testSecret, testNow()).Get("Stripe-Signature")
	seconds, signature, _ := strings.Cut(strings.TrimPrefix(good, "t="), ",v1=")
	for name, values := range map[string][]string{
		"missing": nil, "empty": {""}, "doubled": {good, good}, "no time": {"v1=" + signature}, "no signature": {"t=" + seconds},
		"two times": {"t=1," + good}, "plus": {strings.Replace(good, "t=", "t=+", 1)}, "zero": {strings.Replace(good, "t=", "t=0", 1)},
		"other scheme": {"t=" + seconds + ",v0=" + signature}, "without scheme": {signature}, "equal signs": {good + "=="},
		"time not a number": {"t=now,v1=" + signature}, "cut": {good[:len(good)-2]}, "none": {"t=" + seconds + ",v1="},
		"space":    {strings.Replace(good, "t=", " t=", 1)},
		"too long": {good + strings.Repeat(",v0="+signature, 40)},
	} {
		forged(t, p, name, http.Header{"Stripe-Signature": values}, body)
	}
	for name, value := range map[string]string{
		"another signature first":  "t=" + seconds + ",v1=" + strings.Repeat("ab", 32) + ",v1=" + signature,
		"another signature last":   good + ",v1=" + strings.Repeat("ab", 32),
		"a test signature as well": good + ",v0=" + strings.Repeat("ab", 32),
	} {
		if _, err := p.Verify(t.Context(), http.Header{"Stripe-Signature": {value}}, body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A callback is believed for five minutes by the office's clock, and none from the future: a recorded one is worth
// nothing later.
func TestReplayedCallbacks(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	body := eventBody(t, "checkout.session.completed", s.object(false))
	for _, age := range []time.Duration{-5 * time.Minute, 0, 5 * time.Minute} {
		if _, err := p.Verify(t.Context(), sign(body, testSecret, testNow().Add(-age)), body); err != nil {
			t.Errorf("%s old: %v", age, err)
		}
	}
	for _, age := range []time.Duration{-5*time.Minute - time.Second, 5*time.Minute + time.Second, 365 * 24 * time.Hour} {
		forged(t, p, age.String()+" old", sign(body, testSecret, testNow().Add(-age)), body)
	}
}

// While a secret is replaced, callbacks signed with either are taken, and with no other. Stripe signs with both then.
func TestSecretsThatAreReplaced(t *testing.T) {
	body := eventBody(t, "ping", map[string]any{})
	p := providerOf(t, stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{otherSecret, testSecret}, Now: testNow})
	for _, secret := range []string{otherSecret, testSecret} {
		if _, err := p.Verify(t.Context(), sign(body, secret, testNow()), body); err != nil {
			t.Error(err)
		}
	}
	forged(t, p, "third secret", sign(body, "whsec_BBBBBr8GKYqrTwjUPD8ILPZIo2LaLaSw", testNow()), body)
	forged(t, p, "no secret", sign(body, "", testNow()), body)
	one := providerOf(t, stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}, Now: testNow})
	forged(t, one, "old secret", sign(body, otherSecret, testNow()), body)
	both := sign(body, otherSecret, testNow())
	_, signature, _ := strings.Cut(sign(body, testSecret, testNow()).Get("Stripe-Signature"), ",")
	both.Set("Stripe-Signature", both.Get("Stripe-Signature")+","+signature)
	if _, err := one.Verify(t.Context(), both, body); err != nil {
		t.Error(err)
	}
}

// An event of a sandbox is no money, whoever has signed it.
func TestEventsOfTheOtherMode(t *testing.T) {
	test := eventBody(t, "ping", map[string]any{})
	live := bytes.Replace(test, []byte(`"livemode":false`), []byte(`"livemode":true`), 1)
	for key, bodies := range map[string][2][]byte{testKey: {test, live}, "sk_live_1": {live, test}} {
		p := providerOf(t, stripe.Options{Office: testOffice, APIKey: key, WebhookSecrets: []string{testSecret}, Now: testNow})
		if _, err := verify(t, p, bodies[0]); err != nil {
			t.Error(err)
		}
		forged(t, p, "other mode", sign(bodies[1], testSecret, testNow()), bodies[1])
	}
}

// Without an option for the clock it is the machine's.
func TestDefaultClock(t *testing.T) {
	p := providerOf(t, stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}})
	body := eventBody(t, "ping", map[string]any{})
	report, err := p.Verify(t.Context(), sign(body, testSecret, time.Now()), body)
	want(t, report, err, payment.Report{ID: "evt_1"})
	forged(t, p, "old", sign(body, testSecret, time.Now().Add(-time.Hour)), body)
}

// What is taken here, Stripe's own library takes too, and no body breaks it.
func FuzzCallback(f *testing.F) {
	p, err := stripe.New(stripe.Options{Office: testOffice, APIKey: testKey, WebhookSecrets: []string{testSecret}, Now: testNow})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"evt_1","type":"refund.updated","data":{"object":{"id":"re_1","status":"failed",
		"metadata":{"refund_key":"k","office":"fakeoffice"}}}}`), "")
	f.Add([]byte(`{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"metadata":{"attempt_id":"a","office":"fakeoffice"},
		"client_reference_id":"a"}}}`), "t=1")
	f.Add([]byte(`{"data":null}`), "t=1795176000,v1=00")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		_, err := p.Verify(t.Context(), http.Header{"Stripe-Signature": {header}}, body)
		if !errors.Is(err, payment.ErrForged) && webhook.ValidatePayloadIgnoringTolerance(body, header, testSecret) != nil {
			t.Errorf("only ours takes %q", header)
		}
		if _, err := p.Verify(t.Context(), sign(body, testSecret, testNow()), body); err != nil {
			_, isBad := errors.AsType[payment.BadCallback](err)
			if !isBad && !errors.Is(err, payment.ErrForged) {
				t.Error(err)
			}
		}
	})
}
