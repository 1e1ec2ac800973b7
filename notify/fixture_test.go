package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/tickets"
)

const testScreeningID = "06e9v2k000ab3c5d7e9f1g2h38"

// fakeOffice is what the notifications read: orders that the test moves, their tickets, and one screening.
type fakeOffice struct {
	mu    sync.Mutex
	rows  map[string]order.Order
	early []Purchase // of alice, which stock lists beside those of the rows
	err   error
	reads int
}

func (f *fakeOffice) Find(_ context.Context, ids ...string) (map[string]order.Order, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	found := map[string]order.Order{}
	for _, id := range ids {
		if o, exists := f.rows[id]; exists {
			found[id] = o
		}
	}
	return found, f.err
}

func (f *fakeOffice) OfOrder(_ context.Context, orderID string) ([]tickets.Ticket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []tickets.Ticket
	for i := range int(f.rows[orderID].Quantity) {
		found = append(found, tickets.Ticket{
			ID: fmt.Sprint(orderID, "-", i+1), Number: i + 1, Of: int(f.rows[orderID].Quantity), State: tickets.Valid,
			Code: fmt.Sprint("CODE-OF-", orderID, "-", i+1),
		})
	}
	return found, nil
}

func (f *fakeOffice) ordersOf(_ context.Context, buyerID string) ([]Purchase, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := slices.Clone(f.early)
	for _, o := range f.rows {
		if o.BuyerID == buyerID {
			found = append(found, Purchase{Order: o.Order, Held: o.State == order.PendingPayment})
		}
	}
	return found, f.err
}

func (f *fakeOffice) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// fakeCarrier is who carries messages, and keeps them.
type fakeCarrier struct {
	mu   sync.Mutex
	sent []Message
	send func(ctx context.Context, m Message) error // is asked first; may be nil
}

func (f *fakeCarrier) Send(ctx context.Context, m Message) error {
	f.mu.Lock()
	send := f.send
	f.mu.Unlock()
	if send != nil {
		if err := send(ctx, m); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, m)
	return nil
}

func (f *fakeCarrier) set(send func(ctx context.Context, m Message) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.send = send
}

// ids are those of the messages that were taken, in their order.
func (f *fakeCarrier) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, m := range f.sent {
		ids = append(ids, m.ID)
	}
	return slices.Sorted(slices.Values(ids))
}

// fixture is a service of notifications over a database of its own.
type fixture struct {
	*Service
	t      *testing.T
	dsn    string
	office *fakeOffice
	mail   *fakeCarrier
	sms    *fakeCarrier
	ms     *atomic.Int64 // the clock
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		t: t, dsn: dbtest.DSN(t), office: &fakeOffice{rows: map[string]order.Order{}}, mail: &fakeCarrier{}, sms: &fakeCarrier{},
		ms: &atomic.Int64{},
	}
	f.ms.Store(1_795_000_000_000)
	f.Service = f.process()
	return f
}

// process is the service as another process has it, with a connection of its own.
func (f *fixture) process() *Service { return f.processNamed("") }

func (f *fixture) processNamed(process string) *Service {
	f.t.Helper()
	migrations, err := sql.Notify()
	if err != nil {
		f.t.Fatal(err)
	}
	return New(dbtest.Open(f.t, f.dsn, migrations), Options{
		Orders: f.office, Tickets: f.office, OrdersOf: f.office.ordersOf,
		ScreeningOf: func(_ context.Context, id string) (Screening, error) {
			if id != testScreeningID {
				return Screening{}, errors.New("there is no such screening")
			}
			return Screening{ID: id, Movie: "Spirited Away", Venue: "Grand Hall", StartsAt: f.now().Add(48 * time.Hour)}, nil
		},
		PublicURL: func() string { return "https://box.example" },
		Senders:   map[Channel]Sender{ChannelMail: f.mail, ChannelSMS: f.sms},
		Location:  time.FixedZone("CST", 8*60*60),
		Process:   process, Now: f.now, Log: slog.New(slog.DiscardHandler),
	})
}

func (f *fixture) now() time.Time          { return time.UnixMilli(f.ms.Load()).UTC() }
func (f *fixture) advance(d time.Duration) { f.ms.Add(d.Milliseconds()) }

// order makes an order of alice, or moves it.
func (f *fixture) order(id string, state order.State, reason order.CancelReason) event.Order {
	f.t.Helper()
	o := event.Order{
		ID: id, ScreeningID: testScreeningID, BuyerID: "alice", Quantity: 2, Amount: event.Money{Amount: 123_450, Currency: "CNY"},
		CreatedAt: 1_795_000_000_000, ExpiresAt: 1_795_000_900_000,
	}
	f.office.change(func() { f.office.rows[id] = order.Order{Order: o, State: state, CancelReason: reason} })
	return o
}

func (f *fixture) contact(c Contact) {
	f.t.Helper()
	if err := f.SetContact(f.t.Context(), c); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) reserve(orders ...event.Order) {
	f.t.Helper()
	if err := f.Reserve(f.t.Context(), event.Reserved{Orders: orders}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) settle(ids ...string) {
	f.t.Helper()
	var e event.Settled
	for _, id := range ids {
		e.Orders = append(e.Orders, event.SettledOrder{OrderID: id, Outcome: event.Paid}) // which does not decide
	}
	if err := f.Settle(f.t.Context(), e); err != nil {
		f.t.Fatal(err)
	}
}

// work sends what is due on all channels, until nothing is.
func (f *fixture) work() {
	f.t.Helper()
	for channel := range f.Senders {
		for n := 1; n > 0; {
			var err error
			if n, err = f.sendNext(f.t.Context(), channel); err != nil && !isOutage(err) {
				f.t.Fatal(err)
			} else if err != nil {
				break
			}
		}
	}
}

// told is what is known of an order's notifications: "paid mail sent".
func (f *fixture) told(orderID string) string {
	f.t.Helper()
	found, err := f.OfOrder(f.t.Context(), orderID)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, n := range found {
		all = append(all, fmt.Sprint(n.Kind, " ", n.Channel, " ", n.State))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (f *fixture) wantTold(orderID, want string) {
	f.t.Helper()
	if got := f.told(orderID); got != want {
		f.t.Errorf("told of %s: %q, want %q", orderID, got, want)
	}
}

// only is the one notification of an order.
func (f *fixture) only(orderID string) Notification {
	f.t.Helper()
	found, err := f.OfOrder(f.t.Context(), orderID)
	if err != nil || len(found) != 1 {
		f.t.Fatalf("notifications of %s: %+v, %v", orderID, found, err)
	}
	return found[0]
}

// exec changes rows behind the service's back.
func (f *fixture) exec(statement string, args ...any) {
	f.t.Helper()
	dbtest.Exec(f.t, f.db, statement, args...)
}

var (
	alice     = Contact{BuyerID: "alice", Email: "alice@example.org", Language: English}
	aliceBoth = Contact{BuyerID: "alice", Email: "alice@example.org", Phone: "+8613800138000", Language: Chinese}
)
