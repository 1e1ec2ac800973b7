package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
)

// gateway is the API of a shop's own payment provider, which answers one status and body to each path.
type gateway struct {
	answers map[string]string
	status  int
	bodies  map[string]string // that were asked, if they were signed
}

func newGateway(t *testing.T) (*gateway, *Provider) {
	t.Helper()
	verifier, err := NewVerifier([]string{testWebhookSecret}, testNow)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{answers: map[string]string{}, status: http.StatusOK, bodies: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !verifier.Verify(r.Header, body) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		g.bodies[r.URL.Path] = string(body)
		w.WriteHeader(g.status)
		_, _ = io.WriteString(w, g.answers[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	p, err := New(Options{
		Secrets: []string{testWebhookSecret}, Now: testNow,
		URL: func() string { return server.URL }, CallbackURL: func() string { return "https://shop.example/callback" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, p
}

func testAttempt() payment.Attempt {
	return payment.Attempt{
		ID: "attempt", OrderID: "order", Amount: event.Money{Amount: 9800, Currency: "CNY"}, Description: "Order order",
		ReturnURL: "https://shop.example/", ExpiresAt: testNow().Add(time.Minute),
	}
}

// The protocol is written down for those who build a gateway: what the README promises them is what is sent.
func TestCallsAreSignedAndAsWritten(t *testing.T) {
	g, p := newGateway(t)
	g.answers[PathPayments] = `{"reference":"ref","action":{"kind":"redirect","url":"https://pay.example/"},"more":1}`
	g.answers[PathPaymentsQuery] = `{"state":"paid","payments":[{"payment_id":"p","order_id":"order","amount":9800,"currency":"CNY"}]}`
	g.answers[PathPaymentsClose] = `{"state":"closed"}`
	g.answers[PathRefunds] = `{"state":"pending","reference":"re"}`
	g.answers[PathRefundsQuery] = `{"state":"failed","detail":"account closed"}`
	started, err := p.Start(t.Context(), testAttempt())
	if err != nil || started.Reference != "ref" || started.Action.URL != "https://pay.example/" {
		t.Errorf("started %+v, %v", started, err)
	}
	status, err := p.Query(t.Context(), testAttempt())
	if err != nil || status.State != payment.Paid || len(status.Payments) != 1 || status.Payments[0].AttemptID != "attempt" {
		t.Errorf("status %+v, %v", status, err)
	}
	if status, err := p.Close(t.Context(), testAttempt()); err != nil || status.State != payment.Closed {
		t.Errorf("closed %+v, %v", status, err)
	}
	refund := payment.Refund{Key: "rf_1", PaymentID: "p", Amount: event.Money{Amount: 100, Currency: "CNY"}, Reason: "office"}
	if got, err := p.Refund(t.Context(), refund); err != nil || got.State != payment.RefundPending || got.Reference != "re" {
		t.Errorf("refund %+v, %v", got, err)
	}
	if got, err := p.QueryRefund(t.Context(), refund); err != nil || got.State != payment.RefundFailed || got.Detail != "account closed" {
		t.Errorf("refund %+v, %v", got, err)
	}
	for path, want := range map[string]string{
		PathPayments: `{"attempt_id":"attempt","order_id":"order","amount":9800,"currency":"CNY","description":"Order order",` +
			`"return_url":"https://shop.example/","callback_url":"https://shop.example/callback","expires_at":"2026-11-20T12:01:00Z"}`,
		PathPaymentsQuery: `{"attempt_id":"attempt"}`,
		PathPaymentsClose: `{"attempt_id":"attempt"}`,
		PathRefunds:       `{"key":"rf_1","payment_id":"p","amount":100,"currency":"CNY","reason":"office"}`,
		PathRefundsQuery:  `{"key":"rf_1"}`,
	} {
		if g.bodies[path] != want {
			t.Errorf("%s was sent %s, want %s", path, g.bodies[path], want)
		}
	}
}

// What a gateway refuses is refused for good; whatever is unclear is asked again with the same key. A refund was carried out
// and its answer lost; the second call was too late for its signature, 401 was taken for a refusal, and an operator who sent
// the refund again sent it under another key: the money would have gone twice. A gateway that answered 201 or 202 to a refund
// that it had carried out, or a proxy that redirected, was taken for a refusal in the same way.
func TestWhichAnswersRefuse(t *testing.T) {
	g, p := newGateway(t)
	ask := func() error {
		_, err := p.Refund(t.Context(), payment.Refund{Key: "k", PaymentID: "p", Amount: event.Money{Amount: 1, Currency: "CNY"}})
		return err
	}
	for status, refused := range map[int]bool{400: true, 404: true, 409: true, 422: true, 401: false, 403: false, 408: false, 425: false, 429: false,
		500: false, 503: false, 201: false, 202: false, 204: false, 302: false, 308: false} {
		g.status = status
		if err := ask(); err == nil || errors.Is(err, payment.ErrRefused) != refused {
			t.Errorf("%d: %v, want refused %t", status, err, refused)
		}
	}
	g.status = http.StatusOK
	for _, answer := range []string{"", "{", `{}`, `{"state":"gone"}`, `{"state":"done","state":"failed"}`, strings.Repeat(" ",
		answerBytesMax) + `{"state":"done"}`} {
		g.answers[PathRefunds] = answer
		if err := ask(); err == nil || errors.Is(err, payment.ErrRefused) {
			t.Errorf("%.20q: %v, want an unclear answer", answer, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Query(ctx, testAttempt()); err == nil || errors.Is(err, payment.ErrRefused) {
		t.Errorf("a call that was cut off: %v", err)
	}
	g.answers[PathPaymentsQuery] = `{"state":"paid","payments":[{"payment_id":"","order_id":"order","amount":9800,"currency":"CNY"}]}`
	if status, err := p.Query(t.Context(), testAttempt()); err == nil {
		t.Errorf("a payment without an id was taken: %+v", status)
	}
}

// A signed request is for one address: a redirect would show it to whoever the answer names.
func TestNoRedirectIsFollowed(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(other.Close)
	redirect := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirect.Close)
	p, err := New(Options{
		Secrets: []string{testWebhookSecret}, Now: testNow, URL: func() string { return redirect.URL }, CallbackURL: func() string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Query(t.Context(), testAttempt()); err == nil || asked {
		t.Errorf("%v, and the other address was asked: %t", err, asked)
	}
}

// Without an API nothing can be started or sent: refunds wait for a person.
func TestCallbacksOnly(t *testing.T) {
	p, err := New(Options{Secrets: []string{testWebhookSecret}, Now: testNow})
	if err != nil || !p.CallbacksOnly() {
		t.Fatal(err)
	}
	_, start := p.Start(t.Context(), testAttempt())
	_, query := p.Query(t.Context(), testAttempt())
	_, closed := p.Close(t.Context(), testAttempt())
	_, refund := p.Refund(t.Context(), payment.Refund{})
	_, asked := p.QueryRefund(t.Context(), payment.Refund{})
	for _, err := range []error{start, query, closed, refund, asked} {
		if !errors.Is(err, payment.ErrUnsupported) {
			t.Errorf("%v, want that it is not supported", err)
		}
	}
}

func TestEvents(t *testing.T) {
	p, err := New(Options{Secrets: []string{testWebhookSecret}, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]payment.Report{
		`{"type":"payment.closed","data":{"attempt_id":"a"}}`: {Closed: []string{"a"}},
		`{"type":"payment.succeeded","data":{"payment_id":"p","order_id":"o","attempt_id":"a","amount":1,"currency":"JPY"}}`: {
			Payments: []payment.Payment{{ID: "p", AttemptID: "a", OrderID: "o", Amount: event.Money{Amount: 1, Currency: "JPY"}}}},
		`{"type":"refund.updated","data":{"key":"k","state":"done","reference":"r\n"}}`: {
			Refunds: []payment.RefundReport{{Key: "k", RefundStatus: payment.RefundStatus{State: payment.RefundDone}}}},
		`{"type":"refund.created","data":{"state":7}}`: {},
	} {
		header := http.Header{}
		p.Sign(header, "msg_1", []byte(body))
		got, err := p.Verify(t.Context(), header, []byte(body))
		want.ID = "msg_1"
		gotText, wantText := asText(t, got), asText(t, want)
		if err != nil || gotText != wantText {
			t.Errorf("%s is %s, %v, want %s", body, gotText, err, wantText)
		}
	}
	header := http.Header{}
	body := []byte(`{"type":"refund.updated","data":{"key":"k","state":"lost"}}`)
	p.Sign(header, "msg_1", body)
	if _, err := p.Verify(t.Context(), header, body); !errors.As(err, new(payment.BadCallback)) {
		t.Errorf("an unknown state: %v", err)
	}
}

func asText(t *testing.T, report payment.Report) string {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
