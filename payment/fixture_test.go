package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/order"
	"boxoffice/sql"
)

// fixture is a payment service over the order service, with a database, a broker, and a provider whose faults the test
// sets.
type fixture struct {
	t        testing.TB
	db       *db.DB
	ms       atomic.Int64 // the clock
	next     int
	orders   *order.Orders
	provider *fakeProvider
	other    *fakeProvider
	stock    *fakeStock
	payments *Service
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	migrations, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: dbtest.New(t, migrations), provider: newFakeProvider(), other: newFakeProvider(), stock: &fakeStock{}}
	f.other.name = "other"
	f.ms.Store(1_795_000_000_000)
	quiet := slog.New(slog.DiscardHandler)
	f.orders = order.New(t.Context(), f.db, newSender(t), order.Options{Now: f.now, Log: quiet, MaxBatch: 8})
	t.Cleanup(f.orders.Close)
	f.payments = f.newService()
	t.Cleanup(f.payments.Close)
	return f
}

// newService returns a service as another process would have it.
func (f *fixture) newService() *Service {
	return New(f.db, Options{
		Orders: f.orders, Stock: f.stock, Providers: []Provider{f.provider, f.other}, Now: f.now, Log: slog.New(slog.DiscardHandler),
		KeepParked: func(context.Context, []string) (map[string]bool, error) {
			return map[string]bool{"archived": true}, nil
		},
	})
}

func newSender(t testing.TB) *mq.Sender {
	t.Helper()
	bus, err := mq.Open(t.Context(), mq.Config{
		NameServers: []string{broker.RunT(t).Addr()}, Process: "payment-test", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Errorf("close the bus: %v", err)
		}
	})
	if err := bus.Provision(t.Context(), event.Topics(1), nil); err != nil {
		t.Fatal(err)
	}
	sender, err := bus.NewSender(t.Context(), event.GroupOrder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	return sender
}

func (f *fixture) now() time.Time          { return time.UnixMilli(f.ms.Load()).UTC() }
func (f *fixture) advance(d time.Duration) { f.ms.Add(d.Milliseconds()) }

// reserve makes an order that is to be paid within a window.
func (f *fixture) reserve(window time.Duration) event.Order {
	f.next++
	now := f.now()
	return event.Order{
		ID: fmt.Sprintf("order-%06d", f.next), ScreeningID: "s1", BuyerID: "alice", Quantity: 2,
		Amount:    event.Money{Amount: 9800, Currency: "CNY"},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(window).UnixMilli(),
	}
}

// create makes a pending order.
func (f *fixture) create(window time.Duration) event.Order {
	f.t.Helper()
	o := f.reserve(window)
	if err := f.orders.Create(f.t.Context(), event.Reserved{Orders: []event.Order{o}}); err != nil {
		f.t.Fatal(err)
	}
	return o
}

func (f *fixture) start(o event.Order) Opened {
	f.t.Helper()
	opened, err := f.payments.Start(f.t.Context(), o, "fake", "https://shop.example/back")
	if err != nil {
		f.t.Fatal(err)
	}
	return opened
}

// due handles payment-due for an order, as the consumer does.
func (f *fixture) due(o event.Order) {
	f.t.Helper()
	due := event.Due{DueAt: o.ExpiresAt, OrderIDs: []string{o.ID}}
	if busy, err := f.payments.AskBeforeTimeout(f.t.Context(), due); err != nil || len(busy) > 0 {
		f.t.Fatal(busy, err)
	}
	if err := f.orders.Timeout(f.t.Context(), due); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) work() {
	f.t.Helper()
	if err := f.payments.Work(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// pay records a payment of an order that the provider has taken, and returns its id.
func (f *fixture) pay(o event.Order, amount int64) string {
	f.t.Helper()
	f.next++
	id := fmt.Sprintf("pay-%06d", f.next)
	p := Payment{ID: id, OrderID: o.ID, Amount: event.Money{Amount: amount, Currency: "CNY"}}
	f.provider.take(p)
	if _, err := f.payments.pay(f.t.Context(), "fake", p, "msg-"+id); err != nil {
		f.t.Fatal(err)
	}
	return id
}

func (f *fixture) wantOrder(id string, state order.State, reason order.CancelReason) {
	f.t.Helper()
	rows, err := f.orders.Find(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	if got := rows[id]; got.State != state || got.CancelReason != reason {
		f.t.Errorf("order is %s %q, want %s %q", got.State, got.CancelReason, state, reason)
	}
}

func (f *fixture) refunds(states ...string) []RefundInfo {
	f.t.Helper()
	infos, _, err := f.payments.Refunds(f.t.Context(), states, "", 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return infos
}

// wantRefund checks that one refund there is has this state, and returns it.
func (f *fixture) wantRefund(state string) RefundInfo {
	f.t.Helper()
	all := f.refunds(RefundStates()...)
	if len(all) != 1 || all[0].State != state {
		f.t.Fatalf("refunds are %+v, want one that is %s", all, state)
	}
	return all[0]
}

// wantBalanced checks the ledger against the provider's own books.
func (f *fixture) wantBalanced() {
	f.t.Helper()
	ledgers, err := f.payments.Ledgers(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.provider.mu.Lock()
	defer f.provider.mu.Unlock()
	for _, l := range ledgers {
		if !l.Balanced() || l.Received != f.provider.taken || l.Refunded != f.provider.sentBack {
			f.t.Errorf("ledger is %+v; the provider took %d and sent %d back", l, f.provider.taken, f.provider.sentBack)
		}
	}
}

// fakeStock is the stock service's side of a deadline.
type fakeStock struct {
	extended map[string]time.Time
	err      error
}

func (s *fakeStock) Extend(_ context.Context, orderID string, deadline time.Time) error {
	if s.extended == nil {
		s.extended = map[string]time.Time{}
	}
	s.extended[orderID] = deadline
	return s.err
}

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

	fail    map[string]error // by call: it fails before it does anything
	cut     map[string]bool  // by call: it does what it is asked, and its answer is lost
	pending bool             // refunds are done later
	hang    chan struct{}    // calls wait until it is closed; nil: they do not
	action  *Action          // of what starts; nil is a page of its own
	busy    bool             // payers are just paying, and nothing can be closed
	passive bool             // it only sends callbacks
	shared  bool             // its account takes money for others too
	onlyKey string           // of the refund that a test is about
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

// SharedAccount tells whether the test has made it so.
func (p *fakeProvider) SharedAccount() bool { return p.shared }

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
	action := Action{Kind: Redirect, URL: "https://pay.example/" + a.ID}
	if p.action != nil {
		action = *p.action
	}
	return Started{Reference: "ref-" + a.ID, Action: action}, p.leave("start")
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
	if asked.Reference != "ref-"+asked.ID {
		return Status{}, fmt.Errorf("%s: a reference is needed", call)
	}
	a := p.attempts[asked.ID]
	if a == nil {
		return Status{State: Closed}, p.leave(call)
	}
	if closes && a.State == Open && !p.busy {
		a.State = Closed
	}
	return a.Status, p.leave(call)
}

func (p *fakeProvider) Refund(_ context.Context, r Refund) (RefundStatus, error) {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
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
