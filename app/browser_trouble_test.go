//go:build !race

package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/doctor"
	"boxoffice/simulator"
)

// consoleOf opens the console of an office that is no demo, in which one signs in with a token.
func (b *browserTest) consoleOf(o *officeTest, operator string) page {
	b.t.Helper()
	p := b.blank()
	p.do(chromedp.Navigate(o.shop + "/admin"))
	p.fill("#who[type=password]", bearer(b.t, operator, "admin"))
	p.press(".sign-in-form button[type=submit]")
	p.until("signed in to the console", fmt.Sprintf(`document.getElementById("operator")?.innerText === %q`, operator))
	return p
}

// The order service was broken for a while. An operator sees what that has left, mends one finding by its button, and sends the
// dead letters again: each does what it says and no more, and is on record.
func TestConsoleMendsWhatABrokenOrderServiceLeft(t *testing.T) {
	b := newBrowser(t)
	o := newOffice(t, "-roles", "api,stock", "-sweep-grace", "10h")
	broken := o.openBrokenOrderService()
	screening := o.addScreening(10, 0)
	paid, unpaid := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	if result := o.callback("early", paid.ID, 2); result != "parked" {
		t.Fatalf("payment: %s, want parked", result)
	}
	broken.closeAfter(2)
	o.clock.offset.Add(int64(2 * time.Minute)) // what is in flight is overdue
	p := b.consoleOf(o, "Olga")
	p.view("#/trouble", `document.querySelector("#main .badge[data-kind=bad]")?.innerText === "5 findings"`)
	p.until("its other parts are there too", `!document.querySelector("#main").innerText.includes("Loading")`)
	found := p.text("#main")
	for _, words := range []string{
		"tickets: 2, of screening " + screening + ", and there is no order", "reserved since 2 minutes",
		"98.00 CNY for order " + paid.ID + " waits since 2 minutes",
		"publish its reservation again", "boxoffice-order-create (2)", "Mend all 2: Reservation without order",
	} {
		if !strings.Contains(found, words) {
			t.Errorf("the console does not say %q:\n%s", words, found)
		}
	}

	newOfficeAt(t, o.home, "-roles", "order").clock.offset.Store(o.clock.offset.Load())
	of := func(id string) string { return `.row:has(.row-head a[href="#/orders/` + id + `"])` }
	p.pressNamed(of(paid.ID), "Mend")
	p.until("it says what it is about", `document.getElementById("ask").innerText.includes("Reservation without order: `+paid.ID+`")`)
	p.confirms("the order service is mended")
	o.eventuallyStatus("alice", paid.ID, "paid")
	p.pressNamed("#main", "Examine again") // the finding goes once its message is handled
	p.until("one is mended, the other is left",
		`document.querySelector('`+of(paid.ID)+`') === null && document.querySelector('`+of(unpaid.ID)+`') !== null`)
	if got := o.order("bob", unpaid.ID).Status; got != "reserved" {
		t.Errorf("bob's order is %s, and nobody has named it", got)
	}
	p.pressNamed("#main", "Send all again")
	p.confirms("all that were given up")
	o.eventuallyStatus("bob", unpaid.ID, "pending_payment")
	p.until("no letter is left", `document.querySelector("#main").innerText.includes("No message was given up.")`)
	o.eventually("nothing is left", func() bool { return asBoss[findingsJSON](o, "GET", "/v1/admin/findings", "").Healthy })
	p.pressNamed("#main", "Examine again")
	p.until("all is well", `document.querySelector("#main .badge[data-kind=good]")?.innerText === "All is well"`)
	if got := fmt.Sprint(o.actsOn(paid.ID), o.actsOn("dead_letters")); got != "[mend_one fix_findings] [resend_dead_letters]" {
		t.Errorf("acts %s", got)
	}
	p.view("#/acts", `document.querySelector(".row[data-act=fix_findings]")?.innerText.includes("the order service is mended") === true`)
}

// A screening is archived by its button: too early that is refused in words, and once it is over long enough its orders go to
// the archive, its sums stay, and nothing more can be done with it.
func TestConsoleArchivesAScreening(t *testing.T) {
	b := newBrowser(t)
	o := newOffice(t)
	o.needsBrokerClock(t)
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.callback("pay", order.ID, 2)
	o.eventuallyCounters(screening, 8, 0, 2)
	p := b.consoleOf(o, "Olga")
	p.view("#/screenings/"+screening, headingIs("Casablanca")+` && document.querySelector(".figures-grid") !== null`)
	p.pressNamed("#main", "Archive")
	p.fill("#ask-note", "too early")
	p.clicks("#ask button[type=submit]")
	p.until("it is too early", `document.querySelector("#ask .result").innerText.startsWith("Its sale closes at ")`)
	p.pressNamed("#ask", "Do nothing")
	if acts := o.actsOn(screening); len(acts) != 1 || o.operated(screening).Archived {
		t.Errorf("what was refused is on record: %v", acts)
	}

	o.advance(72*time.Hour + archiveAgeDefault + time.Hour)
	p.pressNamed("#main", "Archive")
	p.confirms("it is over")
	p.until("archived", `document.querySelector("#main").dataset.state === "archived" &&
		document.querySelector("#main .note").innerText === "Archived"`)
	p.until("its orders are in the archive", `document.querySelector(".figures-grid").innerText.includes("1 (2 tickets)")`)
	p.until("nothing more can be done with it", `document.querySelectorAll("#main > .actions > *").length === 1`)
	if acts := o.actsOn(screening); acts[0] != "screening_archive" {
		t.Errorf("acts %v", acts)
	}
	p.view("#/screenings", `document.getElementById("filter") !== null`)
	p.pressNamed("#main", "Show past")
	p.until("it is among the past ones", `document.querySelector(".row[data-id='`+screening+`']") !== null`)
	p.view("#/orders/"+order.ID, `document.querySelector("#main .result, #main .known") !== null`)
	if words := p.text("#main"); !strings.Contains(words, "archive") {
		t.Errorf("of an order that is archived the console says %q", words)
	}
}

// Past screenings are listed latest first.
func TestConsoleListsThePastLatestFirst(t *testing.T) {
	b := newBrowser(t)
	for day := range 3 {
		b.addSale(fmt.Sprint("Day ", day), time.Now().Add(-time.Duration(6-day)*10*time.Hour))
	}
	p := b.console("Olga")
	p.pressNamed("#main", "Show past")
	p.until("three are past", `[...document.querySelectorAll(".row h3")].filter((one) => one.innerText.startsWith("Day")).length === 3`)
	got := js[string](p, `[...document.querySelectorAll(".row h3")].map((one) => one.innerText).filter((one) => one.startsWith("Day")).join()`)
	if got != "Day 2,Day 1,Day 0" {
		t.Errorf("the past is listed as %s", got)
	}
}

// The provider is away when the office sends money back. It would ask again in a while; an operator who knows that the provider
// is there again has it sent at once, and it moves once.
func TestConsoleSendsARefundAgain(t *testing.T) {
	b := newBrowser(t)
	var away atomic.Bool
	provider, at := newProvider(t, simulator.Options{Seed: 7, Faults: simulator.Faults{AutoPay: 1, AutoPayWithin: time.Millisecond}})
	target, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host})
		r.Out.Host = target.Host
	}}
	line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(line.Close)
	o := &officeTest{home: newHome(t), t: t, clock: &testClock{}}
	o.env = o.environment()
	o.env["BOXOFFICE_PAYMENT_URL"] = line.URL + target.Path
	o.start()
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.must("POST", "/v1/orders/"+order.ID+"/payments", bearer(t, "alice", "buyer"), `{"provider":"webhook","return_url":"https://shop.example/"}`)
	o.eventuallyStatus("alice", order.ID, "paid")
	away.Store(true)
	p := b.consoleOf(o, "Olga")
	p.view("#/orders/"+order.ID, `document.querySelector("#main").dataset.status === "paid"`)
	p.press("#cancel-order")
	p.confirms("asked by phone")
	o.eventually("the refund has failed", func() bool {
		return strings.Contains(string(o.must("GET", "/v1/admin/refunds?state=failed", bearer(t, "boss", "admin"), "").body), order.ID)
	})
	p.view("#/money", `document.querySelector("[data-refund=failed]")?.innerText.includes("98.00 CNY") === true`)
	if moved := provider.Books().Refunds; len(moved) != 0 {
		t.Fatalf("the provider is away and has moved %v", moved)
	}
	if words := p.text("[data-refund=failed]"); strings.Contains(words, "Settle by hand") {
		t.Errorf("it may have been sent, and is offered to be settled by hand: %q", words)
	}
	away.Store(false)
	o.write(o.orderDSN, `UPDATE refunds SET next_at = ?`, o.clock.Now().Add(time.Hour).UnixMilli()) // it would not be sent by itself
	p.pressNamed("[data-refund=failed]", "Send again")
	p.confirms("the provider is there again")
	p.until("it is on its way or back", `document.querySelector("[data-refund=failed]") === null`)
	o.eventually("the money is back", func() bool { return len(provider.Books().Refunds) == 1 })
	for key, refund := range provider.Books().Refunds {
		if refund.Moved != 1 {
			t.Errorf("refund %s moved money %d times", key, refund.Moved)
		}
	}
	p.view("#/acts", `document.querySelector(".row[data-act=retry_refund]")?.innerText.includes("the provider is there again") === true`)
	p.until("with its state in words",
		`document.querySelector(".row[data-act=retry_refund]").innerText.includes("No answer, tried again \u2192 To be sent")`)
}

// The order service is stopped, and before that somebody has sent it what it cannot read. The console called a queue that nobody
// reads "0 behind", in green, showed twenty dead letters of twenty-two as if these were all, listed what has a button of its own
// below all of them, and said that it sends again what it puts aside.
func TestConsoleTellsOfAPoisonedQueueThatNobodyReads(t *testing.T) {
	b := newBrowser(t)
	o := newOffice(t, "-roles", "api,stock", "-sweep-grace", "10h")
	broken := o.openBrokenOrderService()
	order := o.mustBuy("alice", o.addScreening(10, 0), 2)
	o.sendPoison(t, 21)
	o.eventually("all are dead letters", func() bool {
		r, _ := o.doctor(0)
		return r.Counts[doctor.DeadLetter] == 22 && nothingWaits(r)
	})
	if err := broken.consumer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.clock.offset.Add(int64(2 * time.Minute)) // what is in flight is overdue
	p := b.consoleOf(o, "Olga")
	p.view("#/trouble", `document.querySelector("#main .badge[data-kind=bad]")?.innerText === "23 findings"`)
	p.until("its other parts are there too", `!document.querySelector("#main").innerText.includes("Loading")`)
	if first := p.text("#main .row"); !strings.Contains(first, order.ID) || !strings.Contains(first, "Mend") {
		t.Errorf("the first finding is %q", first)
	}
	of := func(group string) string {
		return `[...document.querySelectorAll(".row")].find((one) => one.querySelector("h3")?.innerText === "` + group + `").querySelector(".badge")`
	}
	p.until("nobody reads what makes orders", of("boxoffice-order-create")+`.innerText === "nobody reads it, 0 behind"
		&& `+of("boxoffice-order-create")+`.dataset.kind === "bad"`)
	p.until("stock reads its own", of("boxoffice-stock-settle")+`.dataset.kind === "good"`)
	for _, words := range []string{"boxoffice-order-create (22)", "2 more are not listed.", "put it aside"} {
		if found := p.text("#main"); !strings.Contains(found, words) {
			t.Errorf("the console does not say %q:\n%s", words, found)
		}
	}
	p.pressNamed("#main", "Send all again")
	p.until("it says what it does", `document.getElementById("ask").innerText.includes("those that nothing can read are put aside")`)
	p.confirms("nobody needs them")
	p.until("no letter is left", `document.querySelector("#main").innerText.includes("No message was given up.")`)
	newOfficeAt(t, o.home, "-roles", "order").clock.offset.Store(o.clock.offset.Load())
	p.until("somebody reads it", of("boxoffice-order-create")+`.dataset.kind !== "bad"`)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
}

// sendPoison sends to the order service what nothing can read.
func (o *officeTest) sendPoison(t *testing.T, messages int) {
	t.Helper()
	bus, err := mq.Open(t.Context(), mq.Config{
		NameServers: []string{o.queue.Addr()}, Process: "poisoner", Prefix: o.prefix, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	sender, err := bus.NewSender(t.Context(), "poisoner")
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		if err := mq.Send(t.Context(), sender, mq.Topic[string](event.StockReserved), "poison", "this is no reservation"); err != nil {
			t.Fatal(err)
		}
	}
}
