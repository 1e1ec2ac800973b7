package payment

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/event/eventtest"
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
	sender := eventtest.NewSender(t, broker.RunT(t).Addr(), event.GroupOrder)
	f.orders = order.New(t.Context(), f.db, sender, order.Options{Now: f.now, Log: quiet, MaxBatch: 8})
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

// exec changes rows behind the service's back.
func (f *fixture) exec(statement string, args ...any) {
	f.t.Helper()
	dbtest.Exec(f.t, f.db, statement, args...)
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
