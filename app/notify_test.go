//go:build !race

package app

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
)

// newDemoOffice starts a demo in this process, whose secrets the tests know.
func newDemoOffice(t *testing.T) *officeTest {
	t.Helper()
	o := &officeTest{home: home{dir: t.TempDir()}, t: t, clock: &testClock{}}
	o.env = map[string]string{
		"BOXOFFICE_LISTEN": "127.0.0.1:0", "BOXOFFICE_ADMIN_LISTEN": "127.0.0.1:0", "BOXOFFICE_DATA_DIR": o.dir,
	}
	if err := writeDemoSecrets(demoSecretsFile(o.dir), demoSecrets{JWT: testJWTSecret, Webhook: testWebhookSecret()}); err != nil {
		t.Fatal(err)
	}
	o.start()
	return o
}

// addMail configures an office with a mail server, and names the database of mail.
func (o *officeTest) addMail(server string) (dsn string) {
	o.t.Helper()
	dsn = "sqlite:" + filepath.Join(o.dir, "notify.db")
	if onStack(o.t) {
		dsn = dbtest.DSN(o.t)
	}
	o.env["BOXOFFICE_NOTIFY_DSN"], o.env["BOXOFFICE_SMTP_URL"] = dsn, "smtp://"+server
	o.env["BOXOFFICE_MAIL_FROM"] = "Rex <tickets@rex.example>"
	return dsn
}

// newMailOffice starts an office that hands its mail to a server.
func newMailOffice(t *testing.T, server string, args ...string) (o *officeTest, dsn string) {
	t.Helper()
	h := newHome(t)
	o = &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	dsn = o.addMail(server)
	o.start(args...)
	return o, dsn
}

type mailJSON struct {
	ID, Kind, Channel, State, Subject, Text string

	OrderID   string `json:"order_id"`
	HTML      string `json:"html"`
	LastError string `json:"last_error"`
	Tries     int
}

// tellsAt sets where a buyer is told.
func (o *officeTest) tellsAt(buyer, body string) {
	o.t.Helper()
	if r := o.must("PUT", "/v1/contact", bearer(o.t, buyer, "buyer"), body); r.status != http.StatusOK {
		o.t.Fatalf("contact of %s: %d %s", buyer, r.status, r.body)
	}
}

// mailsOf is what the buyer of an order was told, as operators see it.
func (o *officeTest) mailsOf(order string) []mailJSON {
	o.t.Helper()
	r := o.must("GET", "/v1/admin/orders/"+order+"/notifications", bearer(o.t, "boss", "admin"), "")
	return decode[struct{ Items []mailJSON }](o.t, r).Items
}

// eventuallyMail waits until a mail or SMS of an order stands like this.
func (o *officeTest) eventuallyMail(order, kind, channel, state string) (found mailJSON) {
	o.t.Helper()
	o.eventually(fmt.Sprintf("%s by %s is %s", kind, channel, state), func() bool {
		for _, m := range o.mailsOf(order) {
			if found = m; m.Kind == kind && m.Channel == channel && m.State == state {
				return true
			}
		}
		return false
	})
	return found
}

// paysAtTheSimulator pays as a buyer of the demo does: on the simulator's page.
func (o *officeTest) paysAtTheSimulator(buyer, order string) {
	o.t.Helper()
	r := o.must("POST", "/v1/orders/"+order+"/payments", bearer(o.t, buyer, "buyer"), `{"provider":"webhook","return_url":"`+o.shop+`/o/`+order+`"}`)
	opened := decode[struct{ Action struct{ URL string } }](o.t, r)
	answer, err := http.PostForm(opened.Action.URL, url.Values{"act": {"pay"}})
	if err != nil {
		o.t.Fatalf("pay at %q: %v", r.body, err)
	}
	_ = answer.Body.Close()
}

// In the demo a buyer says where to be told after buying, and the mailbox has what would have been sent, once each: the
// tickets, and that they are cancelled and their money is back. The operators' timeline has it as well.
func TestMailboxOfTheDemoFromThePurchaseToTheRefund(t *testing.T) {
	o := newDemoOffice(t)
	order := o.mustBuy("alice", "casablanca", 2)
	o.tellsAt("alice", `{"email":"alice@example.org","phone":"+8613800138000","language":"en"}`) // perhaps before there is an order
	o.eventuallyMail(order.ID, "reserved", "mail", "sent")
	o.paysAtTheSimulator("alice", order.ID)
	paid := o.eventuallyMail(order.ID, "paid", "mail", "sent")
	o.eventuallyMail(order.ID, "paid", "sms", "sent")
	shown := decode[mailJSON](t, o.must("GET", "/v1/dev/messages/"+paid.ID, bearer(t, "alice", "buyer"), ""))
	for _, want := range []string{"Casablanca", "/tickets#" + order.ID} {
		if !strings.Contains(shown.Text, want) || !strings.Contains(shown.HTML, want) {
			t.Errorf("the mail has no %q:\n%s\n%s", want, shown.Text, shown.HTML)
		}
	}
	if strings.Contains(shown.HTML, "cid:") {
		t.Error("the HTML refers to images that it does not have")
	}
	if r := o.must("GET", "/v1/dev/messages/"+paid.ID, bearer(t, "bob", "buyer"), ""); r.status != http.StatusNotFound {
		t.Errorf("another buyer reads it: %d %s", r.status, r.body)
	}
	r := o.must("POST", "/v1/admin/orders/"+order.ID+"/cancel", bearer(t, "boss", "admin"), `{"note":"ill"}`)
	if r.status != http.StatusOK {
		t.Fatalf("cancel a paid order: %d %s", r.status, r.body)
	}
	o.eventuallyMail(order.ID, "cancelled", "mail", "sent")
	o.eventuallyMail(order.ID, "refunded", "mail", "sent")
	o.eventuallyMail(order.ID, "refunded", "sms", "sent")
	var kinds []string
	for _, m := range o.mailsOf(order.ID) {
		kinds = append(kinds, m.Kind+" "+m.Channel)
	}
	slices.Sort(kinds)
	want := []string{"cancelled mail", "cancelled sms", "paid mail", "paid sms", "refunded mail", "refunded sms", "reserved mail", "reserved sms"}
	if !slices.Equal(kinds, want) {
		t.Errorf("told %q, want %q", kinds, want)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	process := fmt.Sprintf("%s, pid %d", host, os.Getpid())
	timeline := string(o.must("GET", "/v1/admin/orders/"+order.ID+"/timeline", bearer(t, "boss", "admin"), "").body)
	byProcess := `"source":"notification","process":"` + process + `"`
	if n, by := strings.Count(timeline, `"what":"notification_sent"`), strings.Count(timeline, byProcess); n < 7 || by < 2*n {
		t.Errorf("the timeline tells of %d that were sent, and of %d that %s wrote or sent: %s", n, by, process, timeline)
	}
	for what, source := range map[string]string{"tickets_issued": "tickets", "tickets_void": "tickets", "operator_act": "operator_act"} {
		by := `"what":"` + what + `","detail":"[^"]*","source":"` + source + `","process":"` + regexp.QuoteMeta(process) + `"`
		if !regexp.MustCompile(by).MatchString(timeline) {
			t.Errorf("the timeline has no %s by %s: %s", what, process, timeline)
		}
	}
	if n := strings.Count(timeline, `"what":"outcome_published"`); n != 2 { // paid, and cancelled
		t.Errorf("the timeline tells %d times who has decided the order: %s", n, timeline)
	}
}

// A shop alone took it that its office sends mail. In one with SMS only it offered mail, and wrote down mails that nobody sent:
// they stayed due until an alarm fired. It offers the channels that it is told, and writes nothing for another one.
func TestShopAloneTellsByTheChannelsOfItsOffice(t *testing.T) {
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.addMail("")
	delete(o.env, "BOXOFFICE_SMTP_URL")
	delete(o.env, "BOXOFFICE_MAIL_FROM")
	o.env["BOXOFFICE_NOTIFY_CHANNELS"] = "sms"
	o.start("-roles", "api,stock")
	order := o.mustBuy("alice", o.addScreening(10, 0), 1)
	o.tellsAt("alice", `{"email":"alice@example.org","phone":"+8613800138000","language":"en"}`)
	offered := decode[struct{ Channels []string }](t, o.must("GET", "/v1/contact", bearer(t, "alice", "buyer"), ""))
	if !slices.Equal(offered.Channels, []string{"sms"}) {
		t.Errorf("the shop offers %q, want SMS alone", offered.Channels)
	}
	if told := o.mailsOf(order.ID); len(told) != 1 || told[0].Channel != "sms" {
		t.Errorf("alice is to be told %+v, want one SMS", told)
	}
}

// freezing is a mail server that takes connections and says nothing.
func freezing(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return l.Addr().String()
}

// crowd lets buyers who want mail buy and pay, one after the other, and returns how long a purchase took, half of them less.
func (o *officeTest) crowd(name, screening string, n int) (median time.Duration) {
	o.t.Helper()
	var took []time.Duration
	for i := range n {
		buyer := fmt.Sprint(name, "-", i)
		began := time.Now()
		order := o.mustBuy(buyer, screening, 1)
		took = append(took, time.Since(began))
		o.eventuallyStatus(buyer, order.ID, "pending_payment")
		if result := o.callback("pay-"+order.ID, order.ID, 1); result != "applied" {
			o.t.Errorf("the payment of %s was %s", buyer, result)
		}
		if status := o.order(buyer, order.ID).Status; status != "paid" {
			o.t.Errorf("the order of %s is %s", buyer, status)
		}
	}
	slices.Sort(took)
	return took[n/2]
}

// Buying is never slower or less available because mail is. The mail server is gone, or hangs, and then the database of mail
// is locked as well: every purchase is taken and paid as fast as before, the process stays ready, and of an order operators are
// told all but its mail. Afterwards what was to be told is there.
func TestPurchasesGoOnWhileMailIsAway(t *testing.T) {
	for name, server := range map[string]string{"gone": freeAddress(t), "hanging": freezing(t)} {
		t.Run(name, func(t *testing.T) {
			const buyers = 20
			o, dsn := newMailOffice(t, server)
			screening := o.addScreening(1000, 0)
			for _, crowd := range []string{"server", "database"} {
				for i := range buyers {
					o.tellsAt(fmt.Sprint(crowd, "-", i), `{"email":"someone@example.org","language":"en"}`)
				}
			}
			before := o.crowd("before", screening, buyers)
			server := o.crowd("server", screening, buyers)
			unlock := o.lockDatabase(dsn)
			database := o.crowd("database", screening, buyers)
			t.Logf("half of the purchases took up to %v before, %v without the server, %v without the database", before, server, database)
			if limit := 3*before + 50*time.Millisecond; server > limit || database > limit { // a loaded machine is no mail server
				t.Errorf("a purchase takes longer without mail: %v, then %v and %v", before, server, database)
			}
			if status, checks := o.readiness(); status != http.StatusOK || len(checks) != 4 {
				t.Errorf("readyz: %d %v", status, checks)
			}
			last := o.mustBuy("database-0", screening, 1).ID
			if r := o.must("GET", "/v1/admin/orders/"+last, bearer(t, "boss", "admin"), ""); r.status != http.StatusOK {
				t.Errorf("an order without its mail: %d %s", r.status, r.body)
			}
			unlock()
			o.eventually("what was to be told is there", func() bool {
				var n int
				o.read(dsn, &n, `SELECT COUNT(DISTINCT buyer_id) FROM notifications WHERE kind = 'paid' AND buyer_id LIKE 'database-%'`)
				return n == buyers
			})
			o.eventually("nothing is given up", func() bool {
				var n, dead int
				o.read(dsn, &n, `SELECT COUNT(*) FROM notifications WHERE state = 'due' AND tries > 0`)
				o.read(dsn, &dead, `SELECT COUNT(*) FROM notifications WHERE state IN ('dead', 'sent')`)
				return n > 0 && dead == 0
			})
		})
	}
}

// lockDatabase keeps everybody else from writing to the database of mail, until unlock.
func (o *officeTest) lockDatabase(dsn string) (unlock func()) {
	o.t.Helper()
	d, err := db.Open(o.t.Context(), dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	release, locked, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- d.InTx(o.t.Context(), func(tx *db.Tx) error {
			for _, lock := range []string{`UPDATE contacts SET language = language`, `UPDATE notifications SET state = state`} {
				if _, err := tx.ExecContext(o.t.Context(), lock); err != nil {
					return err
				}
			}
			close(locked)
			<-release
			return nil
		})
	}()
	select {
	case <-locked:
	case err := <-ended:
		o.t.Fatalf("lock the database of mail: %v", err)
	}
	return func() {
		close(release)
		if err := <-ended; err != nil {
			o.t.Errorf("unlock the database of mail: %v", err)
		}
		_ = d.Close()
	}
}

// A process that only tells is ready when it can; one that sells is, whatever becomes of mail.
func TestReadinessOfMail(t *testing.T) {
	o, _ := newMailOffice(t, freeAddress(t), "-roles", "notify", "-public-url", "https://rex.example")
	if status, checks := o.readiness(); status != http.StatusOK || checks["notifications database"] != "ok" || len(checks) != 3 {
		t.Errorf("role notify: %d %v", status, checks)
	}
	o, _ = newMailOffice(t, freeAddress(t))
	if _, checks := o.readiness(); checks["notifications database"] != "" {
		t.Errorf("a shop: %v", checks)
	}
}
