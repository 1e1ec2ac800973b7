package smtp_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/notify"
	"boxoffice/notify/smtp"
	"boxoffice/order"
	"boxoffice/sql"
)

// paidOrders is an order service of which every order is paid.
type paidOrders struct{}

func (paidOrders) Find(_ context.Context, ids ...string) (map[string]order.Order, error) {
	found := map[string]order.Order{}
	for _, id := range ids {
		found[id] = order.Order{State: order.Paid, Order: event.Order{
			ID: id, ScreeningID: "s1", BuyerID: "alice", Quantity: 1, Amount: event.Money{Amount: 100, Currency: "CNY"},
		}}
	}
	return found, nil
}

// office is notifications that go by a mail server, whose clock the test moves.
type office struct {
	*notify.Service
	t  *testing.T
	ms *atomic.Int64
}

// newOffice returns an office, with the mails of n paid orders due.
func newOffice(t *testing.T, options smtp.Options, n int) *office {
	t.Helper()
	o := openOffice(t, dbtest.DSN(t), options)
	if err := o.SetContact(t.Context(), notify.Contact{BuyerID: "alice", Email: "alice@example.org"}); err != nil {
		t.Fatal(err)
	}
	var settled event.Settled
	for i := range n {
		settled.Orders = append(settled.Orders, event.SettledOrder{OrderID: fmt.Sprintf("o-%02d", i), Outcome: event.Paid})
	}
	if err := o.Settle(t.Context(), settled); err != nil {
		t.Fatal(err)
	}
	return o
}

// openOffice returns an office over a database that may be another process's, too.
func openOffice(t *testing.T, dsn string, options smtp.Options) *office {
	t.Helper()
	migrations, err := sql.Notify()
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, ms: &atomic.Int64{}}
	o.ms.Store(1_795_000_000_000)
	now := func() time.Time { return time.UnixMilli(o.ms.Load()).UTC() }
	o.Service = notify.New(dbtest.Open(t, dsn, migrations), notify.Options{
		Orders: paidOrders{}, PublicURL: func() string { return "https://box.example" }, Now: now, Log: slog.New(slog.DiscardHandler),
		ScreeningOf: func(_ context.Context, id string) (notify.Screening, error) {
			return notify.Screening{ID: id, Movie: "Ran", Venue: "Hall", StartsAt: now()}, nil
		},
		Senders: map[notify.Channel]notify.Sender{notify.ChannelMail: newSender(t, options)},
	})
	return o
}

// run sends in the background, with a clock that runs by a second for each look at whether it is done, until it is.
func (o *office) run(what string, done func() bool) {
	o.t.Helper()
	ctx, stop := context.WithCancel(o.t.Context())
	var running sync.WaitGroup
	running.Go(func() { o.SendEvery(ctx, 5*time.Millisecond) })
	defer running.Wait()
	defer stop()
	for deadline := time.Now().Add(20 * time.Second); !done(); o.ms.Add(time.Second.Milliseconds()) {
		if time.Now().After(deadline) {
			o.t.Errorf("waited for %s", what)
			return
		}
		<-time.After(2 * time.Millisecond)
	}
}

func (o *office) count(state notify.State) int {
	o.t.Helper()
	found, _, err := o.Find(o.t.Context(), notify.Filter{State: state, Limit: 1000})
	if err != nil {
		o.t.Error(err)
	}
	return len(found)
}

// wantEachOnce tests that a server has one mail of each order.
func (s *server) wantEachOnce(n int) {
	s.t.Helper()
	seen := map[string]int{}
	for _, m := range s.mails() {
		seen[idOf(m)]++
	}
	if len(seen) != n || len(s.mails()) != n {
		s.t.Errorf("%d mails of %d orders, want one of each of %d: %v", len(s.mails()), len(seen), n, seen)
	}
}

func TestMailServerIsUp(t *testing.T) {
	s := newServer(t, smtp.StartTLS)
	o := newOffice(t, s.options(smtp.StartTLS), 20)
	o.run("20 mails", func() bool { return o.count(notify.StateSent) == 20 })
	s.wantEachOnce(20)
}

// The server is down when the mails are due, and comes back.
func TestMailServerIsDown(t *testing.T) {
	address, listen := newClosedPort(t)
	// The certificate of httptest is always the same, so it can be trusted before the server is there.
	o := newOffice(t, optionsFor(t, address, smtp.TLS, newServer(t, smtp.TLS).authority), 10)
	o.run("failures", func() bool {
		due, _, err := o.Find(t.Context(), notify.Filter{State: notify.StateDue, Limit: 100})
		return err == nil && len(due) == 10 && due[0].Tries > 1 && strings.Contains(due[0].LastError, "refused")
	})
	s := startServer(t, smtp.TLS, listen())
	o.run("10 mails", func() bool { return o.count(notify.StateSent) == 10 })
	s.wantEachOnce(10)
}

// The server takes longer for a mail than anybody waits, for a while: nothing is lost, nothing is dead, and what was not taken
// in time comes again. A mail that it took after all comes twice, by the same id.
func TestMailServerIsSlow(t *testing.T) {
	s := newServer(t, smtp.TLS)
	release := make(chan struct{})
	s.set(func() { s.before = func() { <-release } })
	options := s.options(smtp.TLS)
	options.Timeout = 150 * time.Millisecond
	o := newOffice(t, options, 6)
	o.run("failures", func() bool {
		due, _, err := o.Find(t.Context(), notify.Filter{State: notify.StateDue, Limit: 100})
		return err == nil && len(due) == 6 && due[5].Tries > 1
	})
	if n := o.count(notify.StateDead); n != 0 {
		t.Errorf("%d are dead", n)
	}
	s.set(func() { s.before = nil })
	close(release)
	o.run("6 mails", func() bool { return o.count(notify.StateSent) == 6 })
	seen := map[string]bool{}
	for _, m := range s.mails() {
		seen[idOf(m)] = true
	}
	if len(seen) != 6 {
		t.Errorf("mails %v", seen)
	}
}

// The server refuses: for now, and then takes them; or for good, and then a person looks.
func TestMailServerRefuses(t *testing.T) {
	s := newServer(t, smtp.TLS)
	s.set(func() {
		s.fail["rcpt"] = &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
	})
	o := newOffice(t, s.options(smtp.TLS), 5)
	o.run("failures", func() bool {
		due, _, err := o.Find(t.Context(), notify.Filter{State: notify.StateDue, Limit: 100})
		return err == nil && len(due) == 5 && due[4].Tries > 1 && strings.Contains(due[0].LastError, "greylisted")
	})
	s.set(func() { delete(s.fail, "rcpt") })
	o.run("5 mails", func() bool { return o.count(notify.StateSent) == 5 })
	s.wantEachOnce(5)

	s.set(func() {
		s.fail["rcpt"] = &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	})
	refused := newOffice(t, s.options(smtp.TLS), 5)
	refused.run("5 that are dead", func() bool { return refused.count(notify.StateDead) == 5 })
	dead, _, err := refused.Find(t.Context(), notify.Filter{State: notify.StateDead, Limit: 1})
	if err != nil || dead[0].Tries != 1 || !strings.Contains(dead[0].LastError, "no such user") {
		t.Errorf("dead %+v, %v", dead, err)
	}
	s.wantEachOnce(5)
}
