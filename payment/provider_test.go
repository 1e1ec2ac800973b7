package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

var errAway = errors.New("connection refused")

// fakeProvider is a payment provider in memory: each payment and each refund key moves money once. Faults are set by the
// test.
type fakeProvider struct {
	name     string
	mu       sync.Mutex
	attempts map[string]*fakeAttempt
	payments map[string]Payment
	keys     map[string]RefundStatus // refunds by key
	taken    int64
	sentBack int64
	calls    map[string]int

	fail     map[string]error // by call: it fails before it does anything
	cut      map[string]bool  // by call: it does what it is asked, and its answer is lost
	pending  bool             // refunds are done later
	hang     chan struct{}    // calls wait until it is closed; nil: they do not
	action   *Action          // of what starts; nil is a page of its own
	lives    time.Duration    // of actions
	busy     bool             // payers are just paying, and nothing can be closed
	unopened bool             // payers have not come, so nothing can be closed before it expires
	unheard  func() time.Time // the clock by which it calls what it does not know open until that expires, as Alipay's adapter; may be nil
	passive  bool             // it only sends callbacks
	shared   bool             // its account takes money for others too
	nameless bool             // it knows attempts by the ids that the office gives
	onlyKey  string           // of the refund that a test is about
	account  string           // its name; empty: it has none

	waited []time.Duration // of each call for a refund
}

type fakeAttempt struct {
	Attempt
	Status
}

func newFakeProvider() *fakeProvider {
	return &fakeProvider{
		name:     "fake",
		attempts: map[string]*fakeAttempt{}, payments: map[string]Payment{}, keys: map[string]RefundStatus{},
		calls: map[string]int{}, fail: map[string]error{}, cut: map[string]bool{},
	}
}

func (p *fakeProvider) Name() string { return p.name }

// enter counts a call and says how it fails before it does anything.
func (p *fakeProvider) enter(call string) error {
	p.calls[call]++
	return p.fail[call]
}

// CallbacksOnly tells whether the test has made it so.
func (p *fakeProvider) CallbacksOnly() bool { return p.passive }

// ExtendsUnopened tells whether the test has made it so.
func (p *fakeProvider) ExtendsUnopened() bool { return p.unopened }

// SharedAccount tells whether the test has made it so.
func (p *fakeProvider) SharedAccount() bool { return p.shared }

// Account is the account that the test has configured.
func (p *fakeProvider) Account() string { return p.account }

// wait waits while the test lets the provider hang.
func (p *fakeProvider) wait() {
	p.mu.Lock()
	hang := p.hang
	p.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

func (p *fakeProvider) leave(call string) error {
	if p.cut[call] {
		return errAway
	}
	return nil
}

// take books money.
func (p *fakeProvider) take(payment Payment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.payments[payment.ID] = payment
	p.taken += payment.Amount.Amount
}

// payAttempt lets the payer pay an attempt.
func (p *fakeProvider) payAttempt(id string) {
	p.mu.Lock()
	a := p.attempts[id]
	paid := Payment{ID: fmt.Sprint("paid-", id, "-", len(a.Payments)), AttemptID: id, OrderID: a.OrderID, Amount: a.Amount}
	a.Payments, a.State = append(a.Payments, paid), Paid
	p.mu.Unlock()
	p.take(paid)
}

func (p *fakeProvider) Start(_ context.Context, a Attempt) (Started, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("start"); err != nil {
		return Started{}, err
	}
	if p.attempts[a.ID] == nil {
		p.attempts[a.ID] = &fakeAttempt{Attempt: a, Status: Status{State: Open}}
	}
	if p.unopened {
		p.attempts[a.ID].ExpiresAt = a.ExpiresAt
	}
	action := Action{Kind: Redirect, URL: "https://pay.example/" + a.ID}
	if p.action != nil {
		action = *p.action
	}
	return Started{Reference: "ref-" + a.ID, Action: action, Lives: p.lives}, p.leave("start")
}

func (p *fakeProvider) Query(_ context.Context, a Attempt) (Status, error) {
	return p.status("query", a, false)
}

func (p *fakeProvider) Close(_ context.Context, a Attempt) (Status, error) {
	return p.status("close", a, true)
}

func (p *fakeProvider) status(call string, asked Attempt, closes bool) (Status, error) {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter(call); err != nil {
		return Status{}, err
	}
	if asked.Reference != "ref-"+asked.ID && (!p.nameless || asked.Reference != "") {
		return Status{}, fmt.Errorf("%s: a reference is needed", call)
	}
	a := p.attempts[asked.ID]
	if a == nil && p.unheard != nil && p.unheard().Before(asked.ExpiresAt) {
		return Status{State: Open}, p.leave(call)
	}
	if a == nil {
		return Status{State: Closed}, p.leave(call)
	}
	if closes && a.State == Open && !p.busy && !p.unopened {
		a.State = Closed
	}
	return a.Status, p.leave(call)
}

func (p *fakeProvider) Refund(_ context.Context, r Refund) (RefundStatus, error) {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited = append(p.waited, r.Waited)
	if err := p.enter("refund"); err != nil {
		return RefundStatus{}, err
	}
	if known, exists := p.keys[r.Key]; exists {
		return known, p.leave("refund")
	}
	paid, exists := p.payments[r.PaymentID]
	if !exists || r.Amount.Amount > paid.Amount.Amount {
		return RefundStatus{}, fmt.Errorf("refund %s: %w", r.PaymentID, ErrRefused)
	}
	paid.Amount.Amount -= r.Amount.Amount
	p.payments[r.PaymentID] = paid
	status := RefundStatus{State: RefundDone, Reference: "re-" + r.Key}
	if p.pending {
		status.State = RefundPending
	}
	p.keys[r.Key] = status
	p.sentBack += r.Amount.Amount
	return status, p.leave("refund")
}

func (p *fakeProvider) QueryRefund(_ context.Context, r Refund) (RefundStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("query refund"); err != nil {
		return RefundStatus{}, err
	}
	return p.keys[r.Key], p.leave("query refund")
}

// Verify takes a report as JSON, for whoever knows the word.
func (p *fakeProvider) Verify(_ context.Context, header http.Header, body []byte) (Report, error) {
	if header.Get("Word") != "open sesame" {
		return Report{}, ErrForged
	}
	var report Report
	if err := json.Unmarshal(body, &report); err != nil {
		return Report{}, BadCallback{Detail: err.Error()}
	}
	return report, nil
}

func (p *fakeProvider) count(call string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[call]
}

func (p *fakeProvider) set(change func(*fakeProvider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}
