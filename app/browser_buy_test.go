//go:build !race

package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The whole way of a buyer in a hurry: find it, say how many, sign in, buy, pay, and look at it once more.
func TestPageBuysAndPays(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	p.press(`.event[data-id=metropolis] a`)
	p.press(`.quantity label:nth-of-type(2)`)
	p.until("the total is there before one buys", `document.querySelector(".total").innerText === "CN\u00a5138.00"`)
	if words := p.text(buyButton); words != "Sign in to buy" {
		t.Errorf("the button says %q", words)
	}
	p.press(buyButton)
	p.answerSignIn("alice")
	id := p.atOrder()
	p.until("it says what to pay, and until when",
		`/^Pay CN\u00a5138\.00 \u00b7 1[45]:\d\d$/.test(document.querySelector("`+payButton+`").innerText)`)
	p.until("and what for", `/Metropolis[\s\S]*Rex, hall 2[\s\S]*2 tickets/.test(document.querySelector(".order").innerText)`)
	p.do(chromedp.Sleep(time.Second)) // as long as the second half of a double click may come
	p.press(payButton)
	p.until("the provider's page is there", `location.pathname.startsWith("/pay/")`)
	if !p.fits() {
		t.Error("the provider's page is wider than a phone")
	}
	p.press("button[value=pay]")
	p.until("back at the order, and paid", `document.querySelector(".order[data-status=paid]") !== null`)
	if link := js[string](p, `document.querySelector(".order a.button:not([hidden])").getAttribute("href")`); link != "/tickets#"+id {
		t.Errorf("the tickets are at %q", link)
	}
	if orders := b.ordersOf("alice"); len(orders) != 1 || orders[0].Status != "paid" || orders[0].ID != id {
		t.Errorf("orders %+v", orders)
	}
	if r := b.must("GET", "/v1/admin/ledger", bearer(t, "boss", "admin"), ""); !strings.Contains(string(r.body), `"balanced":true`) {
		t.Errorf("ledger %s", r.body)
	}
	p.press("nav a")
	p.until("it is among the orders", `document.querySelector(".order-card[data-status=paid]")?.innerText.includes("Metropolis")`)
}

// A hand's double click bought twice: the first click was answered before the second one came. And a second click must not
// pay or cancel what the first has bought.
func TestPageDoubleClickIsOnePurchase(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	for i, pause := range []time.Duration{0, 40 * time.Millisecond, 250 * time.Millisecond, 600 * time.Millisecond} {
		buyer := fmt.Sprint("alice-", i)
		p.visit(b.shop + "/s/casablanca")
		p.signIn(buyer)
		id := p.buys(pause)
		p.untilThere(payButton)
		if orders := b.ordersOf(buyer); len(orders) != 1 || orders[0].ID != id {
			t.Errorf("two clicks %v apart made %+v, want one order", pause, orders)
		}
		p.do(chromedp.Sleep(time.Second))
		p.clicks(".order .cancel", pause)
		p.until("it is asked first", `document.querySelector(".order .cancel:enabled")?.innerText === "Really cancel?"`)
		p.clicks("#sign-out")
		p.until("signed out", `document.getElementById("buyer") === null && document.querySelector(".order") === null`)
	}
	for i := range 4 {
		if orders := b.ordersOf(fmt.Sprint("alice-", i)); len(orders) != 1 || orders[0].Status == "cancelled" {
			t.Errorf("a double click on Cancel: %+v, want the order to be there", orders)
		}
	}
}

func TestPageCancels(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/metropolis")
	p.signIn("alice")
	p.buys()
	p.do(chromedp.Sleep(time.Second))
	p.press(".order .cancel")
	p.do(chromedp.Sleep(time.Second))
	p.press(".order .cancel")
	p.until("it says so", `document.querySelector(".order[data-status=cancelled] .reason").innerText.startsWith("You cancelled it")`)
	p.press(`.order a.quiet`)
	p.until("all three are there again", `location.pathname === "/s/metropolis" && document.querySelector(".note").innerText.includes("Only 3 left")`)
}

// Whoever does not pay in time reads that, and nothing else, without doing anything.
func TestPageShowsThatAnOrderExpired(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/metropolis")
	p.signIn("alice")
	p.buys()
	p.untilThere(payButton)
	b.clock.offset.Store(int64(16 * time.Minute))
	p.until("it is cancelled, why, and nothing more is to be paid", `
		document.querySelector(".order[data-status=cancelled] .reason")?.innerText.startsWith(
		"It was not paid in time") === true && document.querySelector("`+payButton+`").getClientRects().length === 0`)
}

// The time to pay runs out while the office does not answer: the page knows that by its own clock, and lets nobody pay.
func TestPageLetsNobodyPayTooLate(t *testing.T) {
	b := newBrowser(t)
	p := b.blank()
	p.before(`(() => {
		const now = performance.now.bind(performance);
		window.ahead = 0;
		performance.now = () => now() + window.ahead;
	})()`)
	p.visit(b.shop + "/s/metropolis")
	p.signIn("alice")
	p.buys()
	p.untilThere(payButton)
	b.stop()
	js[int](p, `window.ahead = 16 * 60_000`)
	p.until("the time is over", `document.querySelector("`+payButton+`").innerText === "The time to pay is over" &&
		document.querySelector("`+payButton+`").disabled && document.querySelector(".order").dataset.status !== "cancelled"`)
}

// The last tickets go while one looks, and whoever is too late is told so.
func TestPageSoldOut(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/metropolis")
	p.signIn("alice")
	p.until("three are left", `document.querySelector(".note").innerText.includes("Only 3 left")`)
	b.mustBuy("bob", "metropolis", 2)
	b.mustBuy("carol", "metropolis", 1)
	p.until("sold out", `document.querySelector(".screening[data-state=sold-out]") !== null &&
		document.querySelector("`+buyButton+`").disabled && document.querySelector("`+buyButton+`").innerText === "Sold out"`)
}

func TestPageTellsWhyAPurchaseIsRefused(t *testing.T) {
	b := newBrowser(t)
	b.mustBuy("alice", "casablanca", 4)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	p.press(buyButton)
	p.until("the limit is named", `document.querySelector(".screening .result").innerText.includes("more tickets for this screening")`)
	p.untilThere(buyButton) // the time of a double click is over: a refusal of that long is kept anyway
	p.press("#language")
	p.until("in Chinese, too", `document.querySelector(".screening .result").innerText.includes("\u6bcf\u4eba\u9650\u8d2d")`)
	p.untilThere(buyButton)
	p.clicks(".brand")
	p.until("at home", `location.pathname === "/"`)
	p.press(".event[data-id=casablanca] a")
	p.untilThere(buyButton)
	p.until("whoever comes back reads it no more", `document.querySelector(".screening .result").innerText === ""`)
}

// On a 401 the page forgot the key of its purchase, so the retry after signing in bought again.
func TestPageKeepsThePurchaseOverA401(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	p.untilThere(buyButton)
	// The first answer is lost on its way: the key stays written down. Then the token expires.
	js[bool](p, `(() => {
		const send = window.fetch;
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (options.method !== "POST" || !path.endsWith("/orders")) return answer;
			window.fetch = send;
			localStorage.setItem("token", "expired");
			throw new TypeError("connection lost");
		};
		return true;
	})()`)
	p.clicks(buyButton)
	p.untilThere("#who")
	if words := p.text("#sign-in"); !strings.Contains(words, "Your session has ended") {
		t.Errorf("the dialog says %q", words)
	}
	orders := b.ordersOf("alice")
	if len(orders) != 1 {
		t.Fatalf("%d orders before the retry, want the one whose answer was lost", len(orders))
	}
	p.answerSignIn("alice")
	if id := p.atOrder(); id != orders[0].ID {
		t.Errorf("the retry shows order %s, want %s", id, orders[0].ID)
	}
	if n := len(b.ordersOf("alice")); n != 1 {
		t.Errorf("%d orders after the retry, want 1", n)
	}
}

// A purchase whose page was closed before the answer is sent again by the next page, wherever that is.
func TestPageResumesAPurchase(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	p.untilThere(buyButton)
	js[bool](p, `localStorage.setItem("purchase:alice:casablanca", JSON.stringify({key: "kept", quantity: 2, at: Date.now()})) === undefined`)
	other := b.open("/")
	other.until("it is told", `document.getElementById("news").innerText.includes("2 tickets are yours")`)
	other.press("#news a")
	if id := other.atOrder(); b.ordersOf("alice")[0].ID != id {
		t.Errorf("at order %s", id)
	}
	if n := len(b.ordersOf("alice")); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}

// The buyer of tickets that somebody else cancelled still read "now pay" beside them.
func TestPageForgetsWhatIsNotTrueAnyMore(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	id := p.buys()
	if r := b.must("POST", "/v1/orders/"+id+"/cancel", bearer(t, "alice", "buyer"), ""); r.status != http.StatusOK {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	p.until("it says so", `document.querySelector(".order[data-status=cancelled]") !== null &&
		document.querySelector(".bottom-bar").getClientRects().length === 0`)
}

// Whose paid order the office cancels reads why, and where the money is.
func TestPageTellsWhereTheMoneyIs(t *testing.T) {
	b := newBrowser(t)
	order := b.mustBuy("alice", "casablanca", 2)
	b.eventuallyStatus("alice", order.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(t, "alice", "buyer"), `{"order_id":"`+order.ID+`"}`)
	p := b.open("/")
	p.signIn("alice")
	p.visit(b.shop + "/o/" + order.ID)
	p.until("paid", `document.querySelector(".order[data-status=paid]") !== null`)
	r := b.must("POST", "/v1/admin/orders/"+order.ID+"/cancel", bearer(t, "boss", "admin"), `{"note":"the projector is broken"}`)
	if r.status != http.StatusOK {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	p.until("it says why", `document.querySelector(".order[data-status=cancelled] .reason").innerText.startsWith("The box office cancelled it")`)
	p.until("and where the money is",
		`/CN\u00a598\.00 (goes back to you|is on its way back|is back)/.test(document.querySelector(".order").innerText)`)
}

// A buyer who looks around while an order waits does not lose it by that.
func TestPageRemindsOfAnOrderThatWaits(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/metropolis")
	p.signIn("alice")
	id := p.buys()
	p.clicks(".brand")
	p.until("it is told at home",
		`location.pathname === "/" && /^Pay within 1\d:\d\d: Metropolis$/.test(document.getElementById("waiting").innerText)`)
	p.clicks("#waiting")
	if at := p.atOrder(); at != id {
		t.Errorf("at order %s, want %s", at, id)
	}
	b.must("POST", "/v1/orders/"+id+"/cancel", bearer(t, "alice", "buyer"), "")
	p.until("cancelled", `document.querySelector(".order[data-status=cancelled]") !== null`)
	p.clicks(".brand")
	p.until("and not any more", `location.pathname === "/" && document.getElementById("waiting").hidden`)
}
