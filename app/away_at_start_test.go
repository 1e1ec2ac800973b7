//go:build !race

package app

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"boxoffice/common/db/dbtest"
)

// The database of mail was away, which selling does not need, and a shop that was started then did not start at all. It sells,
// and answers what needs that database as it does in any outage.
func TestShopStartsWithoutTheDatabasesThatSellingDoesNotNeed(t *testing.T) {
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.env["BOXOFFICE_NOTIFY_DSN"], o.env["BOXOFFICE_TICKETS_DSN"] = "mysql://u:p@127.0.0.1:1/notify", "mysql://u:p@127.0.0.1:1/tickets"
	o.env["BOXOFFICE_TICKET_KEY"], o.env["BOXOFFICE_NOTIFY_CHANNELS"] = newKey(), "mail"
	o.start("-roles", "api,stock,order")
	if status, checks := o.readiness(); status != http.StatusOK {
		t.Errorf("readyz: %d %v", status, checks)
	}
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	if result := o.callback("pay", order.ID, 1); result != "applied" {
		t.Errorf("payment: %s", result)
	}
	o.eventuallyStatus("alice", order.ID, "paid")
	alice := bearer(t, "alice", "buyer")
	for _, r := range []response{
		o.must("GET", "/v1/contact", alice, ""),
		o.must("PUT", "/v1/contact", alice, `{"email":"alice@example.org","language":"en"}`),
		o.must("GET", "/v1/orders/"+order.ID+"/tickets", alice, ""),
	} {
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("what needs a database that is away: %d %s, Retry-After %q", r.status, r.body, r.header.Get("Retry-After"))
		}
	}

	delete(o.env, "BOXOFFICE_TICKETS_DSN")
	delete(o.env, "BOXOFFICE_TICKET_KEY")
	o.stop()
	o.env["BOXOFFICE_SMTP_URL"], o.env["BOXOFFICE_MAIL_FROM"] = "smtp://127.0.0.1:1", "Rex <tickets@rex.example>"
	o.env["BOXOFFICE_ROLES"], o.env["BOXOFFICE_PUBLIC_URL"] = "notify", "https://rex.example"
	o.wantNoStart("BOXOFFICE_NOTIFY_DSN")
}

// The database of mail comes back, and is made and used without another start.
func TestDatabaseThatWasAwayAtTheStartIsOpenedWhenItIsBack(t *testing.T) {
	if !onStack(t) {
		t.Skip("needs a database server that comes and goes")
	}
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	dsn, err := url.Parse(dbtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	server := dsn.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	dsn.Host = address
	o.env["BOXOFFICE_NOTIFY_DSN"], o.env["BOXOFFICE_NOTIFY_CHANNELS"] = dsn.String(), "mail"
	o.start("-roles", "api,stock,order")
	alice := bearer(t, "alice", "buyer")
	if r := o.must("GET", "/v1/contact", alice, ""); r.status != http.StatusServiceUnavailable {
		t.Errorf("while it is away: %d %s", r.status, r.body)
	}
	forward(t, address, server)
	o.eventually("the database is open", func() bool {
		r := o.must("PUT", "/v1/contact", alice, `{"email":"alice@example.org","language":"en"}`)
		return r.status == http.StatusOK
	})
}

// forward passes connections on from one address to another.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			onward, err := net.Dial("tcp", to)
			if err != nil {
				_ = conn.Close()
				continue
			}
			go func() { _, _ = io.Copy(onward, conn); _ = onward.Close() }()
			go func() { _, _ = io.Copy(conn, onward); _ = conn.Close() }()
		}
	}()
}
