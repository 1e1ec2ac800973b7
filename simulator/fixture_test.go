package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

const (
	testSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	patience   = 20 * time.Second
	quick      = 20 * time.Millisecond
)

// delivery is a callback as the office got it.
type delivery struct {
	id, body string
	isForged bool
	at       time.Time
}

// office is what the simulator talks to: it verifies callbacks as the real one does, and keeps what it learns.
type office struct {
	server *httptest.Server
	client *webhook.Provider

	mu         sync.Mutex
	answer     func(isForged bool) int // nil for 200, and 401 for what is forged
	deliveries []delivery
	payments   map[string]payment.Payment
	refunds    map[string]payment.RefundState
	closed     map[string]bool
}

func (o *office) callback(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	report, err := o.client.Verify(r.Context(), r.Header, body)
	o.mu.Lock()
	o.deliveries = append(o.deliveries, delivery{r.Header.Get(webhook.HeaderID), string(body), err != nil, time.Now()})
	status := http.StatusOK
	if err != nil {
		status = http.StatusUnauthorized
	}
	answer := o.answer
	o.mu.Unlock()
	if answer != nil {
		status = answer(err != nil)
	}
	if err == nil && isSuccess(status) {
		o.learn(report)
	}
	w.WriteHeader(status)
}

func (o *office) learn(report payment.Report) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range report.Payments {
		o.payments[p.ID] = p
	}
	for _, r := range report.Refunds {
		if o.refunds[r.Key] == "" || o.refunds[r.Key] == payment.RefundPending {
			o.refunds[r.Key] = r.State
		}
	}
	for _, id := range report.Closed {
		o.closed[id] = true
	}
}

// got returns the callbacks so far whose ids begin so.
func (o *office) got(prefix string) (found []delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.deliveries {
		if strings.HasPrefix(d.id, prefix) {
			found = append(found, d)
		}
	}
	return found
}

func (o *office) answerWith(answer func(isForged bool) int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

type fixture struct {
	testing.TB
	*office
	sim    *Simulator
	server *httptest.Server // of the simulator
	clock  *clock
}

// clock is the time that the simulator and the office go by: the machine's and what a test adds.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

// newFixture starts a simulator and an office. change may change the options.
func newFixture(t testing.TB, faults Faults, change ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{TB: t, clock: &clock{}, office: &office{
		payments: map[string]payment.Payment{}, refunds: map[string]payment.RefundState{}, closed: map[string]bool{},
	}}
	f.office.server = httptest.NewServer(http.HandlerFunc(f.callback))
	t.Cleanup(f.office.server.Close)
	opts := Options{
		Secret: testSecret, Seed: 1, Faults: faults, PublicURL: func() string { return f.server.URL },
		Now: f.clock.now, FirstPause: time.Millisecond,
	}
	if opts.Faults.MaxDelay == 0 {
		opts.Faults.MaxDelay = quick
	}
	if opts.Faults.AutoPayWithin == 0 {
		opts.Faults.AutoPayWithin = quick
	}
	for _, c := range change {
		c(&opts)
	}
	sim, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	f.sim = sim
	f.server = httptest.NewServer(sim.Handler())
	t.Cleanup(f.server.Close)
	f.client, err = webhook.New(webhook.Options{
		Secrets: []string{testSecret}, Now: f.clock.now,
		URL:         func() string { return f.server.URL + "/api" },
		CallbackURL: func() string { return f.office.server.URL + "/v1/payments/callback" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) attempt(id string) payment.Attempt {
	return payment.Attempt{
		ID: id, OrderID: "order_" + id, Amount: event.Money{Amount: 9800, Currency: "CNY"}, Description: "boxoffice order " + id,
		ReturnURL: "http://shop.example/o/order_" + id, ExpiresAt: f.clock.now().Add(15 * time.Minute),
	}
}

// start starts an attempt, which must succeed.
func (f *fixture) start(id string) payment.Attempt {
	f.Helper()
	a := f.attempt(id)
	if _, err := f.client.Start(f.context(), a); err != nil {
		f.Fatalf("start %s: %v", id, err)
	}
	return a
}

func (f *fixture) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	f.Cleanup(cancel)
	return ctx
}

// press presses a button of an attempt's page, and returns the answer's status and Location.
func (f *fixture) press(id string, does act, after string) (int, string) {
	f.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(f.server.URL+"/pay/"+id, url.Values{"act": {string(does)}, "after": {after}})
	if err != nil {
		f.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header.Get("Location")
}

// pay pays an attempt, which must succeed, and returns the payment.
func (f *fixture) pay(id string) payment.Payment {
	f.Helper()
	if status, _ := f.press(id, actPay, ""); status != http.StatusSeeOther {
		f.Fatalf("pay %s: status %d", id, status)
	}
	paid := f.sim.Books().Attempts[id].Payments[0]
	return payment.Payment{
		ID: paid.PaymentID, AttemptID: id, OrderID: paid.OrderID, Amount: event.Money{Amount: paid.Amount, Currency: paid.Currency},
	}
}

func refundOf(p payment.Payment, key string, amount int64) payment.Refund {
	return payment.Refund{
		Key: key, PaymentID: p.ID, Amount: event.Money{Amount: amount, Currency: p.Amount.Currency}, Total: p.Amount, Reason: "test",
	}
}

// idle waits until nothing is to come any more, and returns the books then.
func (f *fixture) idle() Books {
	f.Helper()
	f.eventually("the simulator is idle", func() bool { return f.sim.Books().Waiting == 0 })
	return f.sim.Books()
}

func (f *fixture) eventually(what string, holds func() bool) {
	f.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			f.Fatalf("in vain waited until %s", what)
		}
	}
}

// call posts a raw body to the API, signed unless sign is nil.
func (f *fixture) call(path string, body []byte, sign func(http.Header, string, []byte)) (int, string) {
	f.Helper()
	request, err := http.NewRequestWithContext(f.context(), http.MethodPost, f.server.URL+"/api"+path, bytes.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	if sign != nil {
		sign(request.Header, "msg_test", body)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(answer)
}

// get gets a page, and returns its status, text and headers.
func (f *fixture) get(path, language string) (int, string, http.Header) {
	f.Helper()
	request, err := http.NewRequestWithContext(f.context(), http.MethodGet, f.server.URL+path, nil)
	if err != nil {
		f.Fatal(err)
	}
	request.Header.Set("Accept-Language", language)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text), response.Header
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
