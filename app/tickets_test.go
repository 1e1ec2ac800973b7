//go:build !race

package app

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
)

// ticketKey is the base64 of a seed that is n and zeros.
func ticketKey(n byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte{n}, make([]byte, 31)...))
}

// addTickets configures an office with tickets, whose database it names.
func (o *officeTest) addTickets() (dsn string) {
	o.t.Helper()
	dsn = "sqlite:" + filepath.Join(o.dir, "tickets.db")
	if onStack(o.t) {
		dsn = dbtest.DSN(o.t)
	}
	o.env["BOXOFFICE_TICKETS_DSN"], o.env["BOXOFFICE_TICKET_KEY"] = dsn, ticketKey(1)
	return dsn
}

// newTicketOffice starts an office with tickets.
func newTicketOffice(t *testing.T, args ...string) (o *officeTest, dsn string) {
	t.Helper()
	h := newHome(t)
	o = &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	dsn = o.addTickets()
	o.start(args...)
	return o, dsn
}

type ticketJSON struct{ ID, Code, State string }

func (o *officeTest) tickets(buyer, order string) []ticketJSON {
	o.t.Helper()
	r := o.must("GET", "/v1/orders/"+order+"/tickets", bearer(o.t, buyer, "buyer"), "")
	if r.status != http.StatusOK {
		o.t.Fatalf("tickets of %s: %d %s", order, r.status, r.body)
	}
	return decode[struct{ Items []ticketJSON }](o.t, r).Items
}

func (o *officeTest) checkIn(screening, code, key string) response {
	o.t.Helper()
	return o.must("POST", "/v1/checkins", bearer(o.t, "sam", "staff"), fmt.Sprintf(
		`{"code":%q,"screening_id":%q,"gate":"North"}`, code, screening), "Idempotency-Key", key)
}

// storedTickets counts the tickets of an order in the database, where nobody makes them by looking.
func (o *officeTest) storedTickets(dsn, order, state string) (n int) {
	o.t.Helper()
	o.read(dsn, &n, `SELECT COUNT(*) FROM tickets WHERE order_id = ? AND state = ?`, order, state)
	return n
}

// mustPay buys tickets and pays for them.
func (o *officeTest) mustPay(buyer, screening string, quantity int) orderJSON {
	o.t.Helper()
	order := o.mustBuy(buyer, screening, quantity)
	o.eventuallyStatus(buyer, order.ID, "pending_payment")
	if result := o.callback("pay-"+order.ID, order.ID, quantity); result != "applied" {
		o.t.Fatalf("payment was %s", result)
	}
	return order
}

// From the purchase to the door, with every message delivered twice: buy, pay, tickets, one comes in, restart, the other
// does, and the office cancels an order.
func TestTicketFromThePurchaseToTheDoor(t *testing.T) {
	o, dsn := newTicketOffice(t)
	o.queue.DeliverTwice(true)
	screening := o.addScreening(10, 0)
	order, returned := o.mustPay("alice", screening, 2), o.mustPay("bob", screening, 1)
	o.eventually("the message makes tickets", func() bool {
		return o.storedTickets(dsn, order.ID, "valid") == 2 && o.storedTickets(dsn, returned.ID, "valid") == 1
	})
	tickets := o.tickets("alice", order.ID)
	if r := o.must("GET", "/v1/orders/"+order.ID+"/tickets", bearer(t, "bob", "buyer"), ""); r.status != http.StatusNotFound {
		t.Errorf("tickets of another buyer: %d %s", r.status, r.body)
	}
	if r := o.checkIn(screening, tickets[0].Code, "k1"); r.status != http.StatusOK || !strings.Contains(string(r.body), `"movie":"Casablanca"`) {
		t.Errorf("check in: %d %s", r.status, r.body)
	}
	code := o.tickets("bob", returned.ID)[0].Code
	if r := o.must("POST", "/v1/admin/orders/"+returned.ID+"/cancel", bearer(t, "boss", "admin"), `{"note":"ill"}`); r.status != http.StatusOK {
		t.Fatalf("cancel a paid order: %d %s", r.status, r.body)
	}
	o.eventually("the message voids the ticket", func() bool { return o.storedTickets(dsn, returned.ID, "void") == 1 })

	o.stop()
	o.start()
	if again := o.tickets("alice", order.ID); again[0].Code != tickets[0].Code || again[0].State != "used" || again[1].State != "valid" {
		t.Errorf("after a restart: %+v, before: %+v", again, tickets)
	}
	for what, test := range map[string]struct {
		code, key, want string
		status          int
	}{
		"a retry":         {tickets[0].Code, "k1", "", 200},
		"a used one":      {tickets[0].Code, "k2", "ticket_used", 409},
		"the other one":   {tickets[1].Code, "k3", "", 200},
		"a returned one":  {code, "k4", "ticket_void", 409},
		"one of somebody": {tickets[1].Code[:100] + code[100:], "k5", "ticket_invalid", 409},
	} {
		if r := o.checkIn(screening, test.code, test.key); r.status != test.status || r.code() != test.want {
			t.Errorf("check in %s: %d %s", what, r.status, r.body)
		}
	}
	r := o.must("GET", "/v1/screenings/"+screening+"/checkins", bearer(t, "sam", "staff"), "")
	if !strings.Contains(string(r.body), `"issued":2,"entered":2,"void":1`) {
		t.Errorf("counts: %d %s", r.status, r.body)
	}
	o.wantHealthy(2 * time.Minute)
}

// An office that had no tickets gets them: those of orders that are paid already are made from the messages that the queue
// still has.
func TestTicketsOfOrdersFromBefore(t *testing.T) {
	o := newOffice(t)
	order := o.mustPay("alice", o.addScreening(10, 0), 2)
	if r := o.must("GET", "/v1/orders/"+order.ID+"/tickets", bearer(t, "alice", "buyer"), ""); r.status != http.StatusNotFound {
		t.Errorf("an office without a key has tickets: %d %s", r.status, r.body)
	}
	o.stop()
	dsn := o.addTickets()
	o.start()
	o.eventually("old messages make tickets", func() bool { return o.storedTickets(dsn, order.ID, "valid") == 2 })
}

// Tickets that cannot be made keep nobody from buying and paying, and are made once they can.
func TestShopSellsWhileTicketsCannotBeMade(t *testing.T) {
	o, dsn := newTicketOffice(t)
	o.write(dsn, `ALTER TABLE tickets RENAME TO away`)
	screening := o.addScreening(10, 0)
	order := o.mustPay("alice", screening, 2)
	o.eventuallyCounters(screening, 8, 0, 2)
	if r := o.must("GET", "/v1/orders/"+order.ID+"/tickets", bearer(t, "alice", "buyer"), ""); r.status < 500 {
		t.Errorf("tickets without a table: %d %s", r.status, r.body)
	}
	o.write(dsn, `ALTER TABLE away RENAME TO tickets`)
	o.eventually("the message comes again", func() bool { return o.storedTickets(dsn, order.ID, "valid") == 2 })
}

// A process of the role makes tickets for a shop that does not, and without the key, which only signs.
func TestTicketsHaveAProcessOfTheirOwn(t *testing.T) {
	o, dsn := newTicketOffice(t, "-roles", "api,stock,order")
	order := o.mustPay("alice", o.addScreening(10, 0), 1)
	worker := &officeTest{home: o.home, t: t, clock: o.clock, env: o.environment()}
	worker.env["BOXOFFICE_TICKETS_DSN"] = dsn
	worker.start("-roles", "tickets")
	o.eventually("the other process makes tickets", func() bool { return o.storedTickets(dsn, order.ID, "valid") == 1 })
	if _, checks := worker.readiness(); checks["tickets database"] != "ok" {
		t.Errorf("checks %v", checks)
	}
}

// The tickets database of another office is refused, and whoever asks for tickets by half is told what is missing.
func TestTicketSettingsThatDoNotFit(t *testing.T) {
	o, dsn := newTicketOffice(t)
	other := &officeTest{home: newHome(t), t: t, clock: &testClock{}}
	other.env = other.environment()
	other.env["BOXOFFICE_TICKETS_DSN"] = dsn
	other.wantNoStart("BOXOFFICE_TICKET_KEY")
	other.env["BOXOFFICE_TICKET_KEY"] = ticketKey(1)
	other.wantNoStart("set BOXOFFICE_TICKETS_DSN to the database of this office")
	o.mustBuy("alice", o.addScreening(1, 0), 1)
}

// A code that was printed stays good while its key is replaced.
func TestTicketKeyIsReplaced(t *testing.T) {
	o, _ := newTicketOffice(t)
	order := o.mustPay("alice", o.addScreening(10, 0), 2)
	printed := o.tickets("alice", order.ID)
	for i, keys := range []string{ticketKey(2) + " " + ticketKey(1), ticketKey(2)} {
		o.stop()
		o.env["BOXOFFICE_TICKET_KEY"] = keys
		o.start()
		if fresh := o.tickets("alice", order.ID); fresh[i].Code == printed[i].Code {
			t.Error("the new key does not sign")
		}
		want := []int{http.StatusOK, http.StatusConflict}[i]
		if r := o.checkIn(order.ScreeningID, printed[i].Code, fmt.Sprint(i)); r.status != want {
			t.Errorf("a code of the old key, with %d keys: %d %s", 2-i, r.status, r.body)
		}
	}
}

// eventuallyConfirmed waits until every consumer group has confirmed all messages: what is not confirmed comes again after a
// restart, and makes anew what a test has archived, for which it is too young anywhere else.
func (o *officeTest) eventuallyConfirmed() {
	o.t.Helper()
	o.eventually("all messages are confirmed", func() bool {
		queues := decode[struct{ Groups []struct{ Lag int64 } }](o.t, o.must("GET", "/v1/admin/queues", bearer(o.t, "boss", "admin"), ""))
		lag := int64(0)
		for _, group := range queues.Groups {
			lag += group.Lag
		}
		return len(queues.Groups) > 0 && lag == 0
	})
}

// Tickets go where their orders go: into the archive, of which they are no part. Whoever was in is in when they come back.
func TestTicketsOfArchivedOrdersGo(t *testing.T) {
	o, dsn := newTicketOffice(t)
	order := o.mustPay("alice", o.addScreening(10, 0), 2)
	before := o.tickets("alice", order.ID)
	code := before[0].Code
	if r := o.checkIn(order.ScreeningID, before[1].Code, "in"); r.status != http.StatusOK {
		t.Fatalf("check in: %d %s", r.status, r.body)
	}
	o.eventuallyCounters(order.ScreeningID, 8, 0, 2)
	o.eventuallyConfirmed()
	if out, err := o.archive(40 * 24 * time.Hour); err != nil || !strings.Contains(out, "archived screenings: 1") {
		t.Fatalf("archive: %v\n%s", err, out)
	}
	o.stop()
	o.start() // it looks at its start
	o.eventually("the tickets are gone", func() bool {
		return o.storedTickets(dsn, order.ID, "valid")+o.storedTickets(dsn, order.ID, "used") == 0
	})
	if r := o.checkIn(order.ScreeningID, code, "k"); r.code() != "ticket_invalid" {
		t.Errorf("check in: %d %s", r.status, r.body)
	}
	if out, err := o.archive(0, "-restore", o.archiveFile(order.ScreeningID)); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	if again := o.tickets("alice", order.ID); again[0] != before[0] || again[1].Code != before[1].Code || again[1].State != "used" {
		t.Errorf("tickets of a restored order: %+v", again)
	}
	if r := o.checkIn(order.ScreeningID, before[1].Code, "again"); r.code() != "ticket_used" || !strings.Contains(string(r.body), "North") {
		t.Errorf("whoever was in comes in again: %d %s", r.status, r.body)
	}
}

// A backup has the tickets, with who is in, and a code is good in what is restored.
func TestBackupHasTheTickets(t *testing.T) {
	dir := t.TempDir()
	lost := newEmbedded(t, filepath.Join(dir, "lost"))
	lost.env["BOXOFFICE_TICKET_KEY"] = ticketKey(1)
	lost.start()
	order := lost.mustPay("alice", lost.addScreening(10, 0), 2)
	tickets := lost.tickets("alice", order.ID)
	if r := lost.checkIn(order.ScreeningID, tickets[0].Code, "k"); r.status != http.StatusOK {
		t.Fatalf("check in: %d %s", r.status, r.body)
	}
	copied := filepath.Join(dir, "copied")
	if err := lost.command("backup", "-to", copied); err != nil {
		t.Fatal(err)
	}
	lost.stop()
	if _, err := os.Stat(filepath.Join(copied, "tickets.db")); err != nil {
		t.Error(err)
	}
	o := newEmbedded(t, filepath.Join(dir, "restored"))
	o.env["BOXOFFICE_TICKET_KEY"] = ticketKey(1)
	if err := o.command("restore", "-from", copied); err != nil {
		t.Fatal(err)
	}
	o.start()
	if again := o.tickets("alice", order.ID); again[0].State != "used" || again[1] != tickets[1] {
		t.Errorf("restored tickets %+v, were %+v", again, tickets)
	}
}
