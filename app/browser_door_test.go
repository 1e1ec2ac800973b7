//go:build !race

package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// cutOff lets no check-in of a page through, from its next document on.
func (p page) cutOff() {
	p.t.Helper()
	p.before(`(() => {
		const send = window.fetch;
		window.setTimeout = ((wait) => (call, ms) => wait(call, Math.min(ms, 50)))(window.setTimeout); // between the tries
		window.fetch = async (path, options) => {
			if (path === "/v1/checkins" && localStorage.getItem("cut") !== null) throw new TypeError("connection refused");
			return send(path, options);
		};
	})()`)
}

const oneWaits = `document.querySelectorAll("#waiting-list li[data-kind=wait]").length === 1`

// The office goes away while a guest's code is read, and the phone at the door is loaded anew meanwhile. The code is kept with
// its key: once the office is back the guest is let in, and counted once; and whoever holds up the code then is that guest.
func TestCheckInPageKeepsCodesOverAReload(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 2)
	tickets := b.tickets("alice", order.ID)
	p := b.openDoor()
	b.stop()
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	p.until("it is tried again, and nobody is told to tap, which does nothing yet", `(({dataset, innerText}) =>
		dataset.kind === "wait" && innerText.includes("trying again") && !innerText.includes("Tap"))(document.getElementById("answer"))`)
	if said := p.answered("bad"); !strings.Contains(said, "No answer") {
		t.Errorf("without an answer: %s", said)
	}
	p.goOn()
	p.until("the code waits", oneWaits)
	p.wantNoWiderThanAPhone()
	p.do(chromedp.Navigate("about:blank"))
	b.env["BOXOFFICE_LISTEN"] = strings.TrimPrefix(b.shop, "http://")
	b.start()
	if state := b.tickets("alice", order.ID)[0].State; state != "valid" {
		t.Fatalf("the ticket is %s", state)
	}
	p.do(chromedp.Navigate(b.shop + "/check-in#casablanca"))
	p.until("the guest is let in", `[...document.querySelectorAll("#waiting-list li[data-kind=good]")].map((row) =>
		row.innerText.includes("Come in") && row.innerText.includes("Ticket 1 of 2")).join() === "true"`)
	p.until("once", `document.getElementById("inside").innerText.startsWith("1 of 2")`)
	p.do(chromedp.Reload())
	p.until("who is in is seen after a reload", `document.querySelectorAll("#waiting-list li[data-kind=good]").length === 1 &&
		document.getElementById("screening").value === "casablanca"`)
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	p.answered("good")
	p.goOn()
	p.until("the guest has come in", `document.getElementById("waiting").hidden`)
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	if said := p.answered("bad"); !strings.Contains(said, "Used already") {
		t.Errorf("the code of somebody who is in: %s", said)
	}
	if state := b.tickets("alice", order.ID)[1].State; state != "valid" {
		t.Errorf("the other ticket is %s", state)
	}
}

// Two hundred codes wait and no more; one that is given up makes room, and one that is refused later says why.
func TestCheckInPageBoundsTheCodesThatWait(t *testing.T) {
	b := newBrowser(t)
	p := b.openDoor()
	p.cutOff()
	js[bool](p, `(localStorage.setItem("cut", "yes"), localStorage.setItem("door-codes", JSON.stringify([
		{code: "long-ago", key: "k", body: {}, at: Date.now() - 13 * 3600_000},
		...Array.from({length: 200}, (_, i) => ({code: "code-" + i, key: "key-" + i, body: {gate: ""}, at: Date.now()}))])), true)`)
	p.do(chromedp.Reload())
	const waiting = `document.querySelectorAll("#waiting-list li[data-kind=wait]").length`
	p.until("those of tonight wait", `document.getElementById("screening").value === "casablanca" && `+waiting+` === 200`)
	p.do(chromedp.SendKeys("#code", strings.Repeat("A", 100)+"\r"))
	p.until("there is no room", `document.getElementById("message").innerText.includes("Too many codes")`)
	p.until("one was given up", waiting+` === 199 || (document.querySelector("#waiting-list button").click(), false)`) // the list moves
	js[bool](p, `(localStorage.removeItem("cut"), true)`)
	p.until("a forged one is refused", `document.querySelector("#waiting-list li[data-kind=bad]")?.innerText.includes("Not a valid ticket")`)
}

// What can be wrong with a ticket is said at the door in a few words, in both languages, and changes nothing.
func TestCheckInPageSaysWhatIsWrong(t *testing.T) {
	b := newBrowser(t)
	used := b.payInDemo("alice", 1)
	refunded := b.payInDemo("bob", 1)
	early := b.payInDemo("carol", 1)
	code := func(buyer, orderID string) string { return b.tickets(buyer, orderID)[0].Code }
	usedCode, refundedCode, earlyCode := code("alice", used.ID), code("bob", refunded.ID), code("carol", early.ID)
	if r := b.checkIn("casablanca", usedCode, "k"); r.status != 200 {
		t.Fatalf("check in: %d %s", r.status, r.body)
	}
	b.operate("POST", "/v1/admin/orders/"+refunded.ID+"/cancel", `{"note":"asked by phone"}`, 200)
	p := b.openDoor()
	at := func(screening string) {
		js[bool](p, fmt.Sprintf(`(document.getElementById("screening").value = %q, true)`, screening))
	}
	for _, language := range []string{"en", "zh"} {
		p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`") && document.getElementById("screening").length > 2`)
		for _, test := range []struct{ name, screening, code, en, zh, more string }{
			{"forged", "casablanca", "x" + earlyCode[1:], "Not a valid ticket", "\u65e0\u6548\u7968", ""},
			{"used", "casablanca", usedCode, "Used already", "\u6b64\u7968\u5df2\u4f7f\u7528", ":"},
			{"another screening's", "metropolis", earlyCode, "For another screening", "\u4e0d\u662f\u672c\u573a\u6b21\u7684\u7968", "Casablanca"},
			{"not yet valid", "*", earlyCode, "Too early", "\u65f6\u95f4\u672a\u5230", "Casablanca"},
			{"refunded", "casablanca", refundedCode, "Void: the order was cancelled", "\u6b64\u7968\u5df2\u4f5c\u5e9f", ""},
		} {
			at(test.screening)
			p.do(chromedp.SendKeys("#code", test.code+"\r"))
			want := map[string]string{"en": test.en, "zh": test.zh}[language]
			if said := p.answered("bad"); !strings.Contains(said, want) || !strings.Contains(said, test.more) {
				t.Errorf("%s, %s: %q, want %q and %q", test.name, language, said, want, test.more)
			}
			p.goOn()
		}
		if state := b.tickets("carol", early.ID)[0].State; state != "valid" {
			t.Errorf("after all that a valid ticket is %s", state)
		}
		at("casablanca")
		p.press("#language")
	}
}

// addTicketLooks are the pages of tickets and of the doors, in the states that people see them in.
func (b *browserTest) addTicketLooks(buyer, orderID string) []look {
	b.t.Helper()
	void := decode[orderJSON](b.t, b.buy(buyer, "casablanca", "void", 1))
	b.must("POST", "/v1/dev/payments", bearer(b.t, buyer, "buyer"), `{"order_id":"`+void.ID+`"}`)
	b.eventuallyStatus(buyer, void.ID, "paid")
	b.tickets(buyer, void.ID)
	b.operate("POST", "/v1/admin/orders/"+void.ID+"/cancel", `{"note":"asked by phone"}`, 200)
	isOpen := `!document.getElementById("door").hidden && document.getElementById("screening").value === "casablanca"`
	nothing := func(page) {}
	return []look{
		{"tickets", "/tickets#" + orderID, nothing, `document.querySelectorAll(".ticket[data-state=valid] img").length === 1`},
		{"tickets-void", "/tickets#" + void.ID, nothing, `document.querySelectorAll(".ticket[data-state=void]").length === 1`},
		{"tickets-none", "/tickets", nothing, `document.getElementById("message").innerText !== ""`},
		{"door-sign-in", "/check-in", func(p page) {
			js[bool](p, `(localStorage.removeItem("staff-token"), localStorage.removeItem("door-codes"), location.reload(), true)`)
		}, `document.getElementById("who")?.getClientRects().length > 0`},
		{"door", "/check-in#casablanca", func(p page) {
			p.untilThere("#who")
			p.do(chromedp.SendKeys("#who", "sam\r"))
		}, isOpen + ` && document.getElementById("inside").innerText !== ""`},
		{"door-waiting", "/check-in#casablanca", func(p page) {
			js[bool](p, fmt.Sprintf(`(localStorage.setItem("door-codes", JSON.stringify([{code: "a", key: "k", body: {}, at: %[1]d, answer: {ticket:
				{number: 1, of: 2}}}, {code: "b", key: "k", body: {}, at: %[1]d, answer: {refused: {code: "ticket_void", problem: {}}}},
				{code: "c", key: "k", body: {}, at: %[1]d}])), location.reload(), true)`, time.Now().UnixMilli()))
		}, isOpen + ` && document.querySelectorAll("#waiting-list li").length === 3`},
		{"door-refuses", "/check-in#casablanca", func(p page) {
			p.until("the door is open", isOpen)
			p.do(chromedp.SendKeys("#code", "x\r"))
		}, `document.getElementById("answer").dataset.kind === "bad"`},
	}
}
