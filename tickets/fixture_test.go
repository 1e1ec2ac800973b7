package tickets

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sql"
)

const (
	testOrderID     = "06e9v2k1d0ab3c5d7e9f1g2h38"
	testScreeningID = "06e9v2k000ab3c5d7e9f1g2h38"
)

// fakeOrders is the order service, whose orders the test moves.
type fakeOrders struct {
	mu     sync.Mutex
	rows   map[string]order.Order
	err    error
	onFind func() // is called after the orders were read; may be nil
}

func (f *fakeOrders) Find(_ context.Context, ids ...string) (map[string]order.Order, error) {
	f.mu.Lock()
	found := map[string]order.Order{}
	for _, id := range ids {
		if o, exists := f.rows[id]; exists {
			found[id] = o
		}
	}
	err, onFind := f.err, f.onFind
	f.mu.Unlock()
	if onFind != nil {
		onFind()
	}
	return found, err
}

func (f *fakeOrders) set(id string, quantity int64, state order.State, reason order.CancelReason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows[id] = order.Order{
		Order: event.Order{ID: id, ScreeningID: testScreeningID, BuyerID: "alice", Quantity: quantity}, State: state, CancelReason: reason,
	}
}

func (f *fakeOrders) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// fixture is a service of tickets over a database of its own.
type fixture struct {
	*Tickets
	t      *testing.T
	dsn    string
	orders *fakeOrders
	ms     *atomic.Int64 // the clock
}

func testSeed(n byte) string {
	seed := make([]byte, 32)
	seed[0] = n
	return base64.StdEncoding.EncodeToString(seed)
}

func testKeys(t *testing.T, seeds ...byte) Keys {
	t.Helper()
	var texts []string
	for _, n := range seeds {
		texts = append(texts, testSeed(n))
	}
	keys, err := ParseKeys(texts)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dsn: dbtest.DSN(t), orders: &fakeOrders{rows: map[string]order.Order{}}, ms: &atomic.Int64{}}
	f.ms.Store(1_795_000_000_000)
	f.Tickets = f.process(1)
	return f
}

// process is the service as another process has it, with a connection of its own and these keys.
func (f *fixture) process(seeds ...byte) *Tickets {
	f.t.Helper()
	return New(f.openDB(), Options{
		Orders: f.orders, Keys: testKeys(f.t, seeds...), Now: func() time.Time { return time.UnixMilli(f.ms.Load()).UTC() },
		Log: slog.New(slog.DiscardHandler),
	})
}

func (f *fixture) openDB() *db.DB {
	f.t.Helper()
	migrations, err := sql.Tickets()
	if err != nil {
		f.t.Fatal(err)
	}
	return dbtest.Open(f.t, f.dsn, migrations)
}

func settled(outcome event.Outcome, ids ...string) event.Settled {
	var e event.Settled
	for _, id := range ids {
		e.Orders = append(e.Orders, event.SettledOrder{OrderID: id, Outcome: outcome})
	}
	return e
}

func (f *fixture) settle(outcome event.Outcome, ids ...string) {
	f.t.Helper()
	if err := f.Settle(f.t.Context(), settled(outcome, ids...)); err != nil {
		f.t.Fatal(err)
	}
}

// pay makes an order that is paid, and its tickets.
func (f *fixture) pay(id string, quantity int64) []Ticket {
	f.t.Helper()
	f.orders.set(id, quantity, order.Paid, "")
	f.settle(event.Paid, id)
	return f.of(id)
}

func (f *fixture) of(id string) []Ticket {
	f.t.Helper()
	found, err := f.OfOrder(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return found
}

// stored reads the tickets as they are, without bringing them to where their order stands.
func (f *fixture) stored(id string) string {
	f.t.Helper()
	rows, err := readTickets(f.t.Context(), f.db, `WHERE order_id = ? ORDER BY number`, id)
	if err != nil {
		f.t.Fatal(err)
	}
	var states []State
	for _, row := range rows {
		states = append(states, row.State)
	}
	return fmt.Sprint(states)
}

func entry(code string, key string) Entry {
	return Entry{Code: code, ScreeningID: testScreeningID, Gate: "North", Staff: "sam", Key: key}
}
