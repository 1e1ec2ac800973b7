//go:build !race

package app

import (
	"net/http"
	"testing"
)

// The database of mail was away, which selling does not need, and a shop that was started then did not start at all. It sells,
// and answers what needs that database as it does in any outage.
func TestShopStartsWithoutTheDatabasesThatSellingDoesNotNeed(t *testing.T) {
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.env["BOXOFFICE_NOTIFY_DSN"], o.env["BOXOFFICE_TICKETS_DSN"] = "mysql://u:p@127.0.0.1:1/notify", "mysql://u:p@127.0.0.1:1/tickets"
	o.env["BOXOFFICE_TICKET_KEY"] = newKey()
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
