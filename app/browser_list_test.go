//go:build !race

package app

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The office is away for a while, and the door has a list: it lets in whoever is on it, once, and refuses what it can see to be
// wrong. Afterwards the office hears who is in, and the door who was in by another one before.
func TestCheckInPageLetsInByAList(t *testing.T) {
	b := newBrowser(t)
	order, used, elsewhere := b.payInDemo("alice", 3), b.payInDemo("bob", 1), b.mustBuy("carol", "nosferatu", 1)
	b.eventuallyStatus("carol", elsewhere.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(t, "carol", "buyer"), `{"order_id":"`+elsewhere.ID+`"}`)
	b.eventuallyStatus("carol", elsewhere.ID, "paid")
	tickets, usedCode, elsewhereCode := b.tickets("alice", order.ID), b.tickets("bob", used.ID)[0].Code, b.tickets("carol", elsewhere.ID)[0].Code
	in := func(code, key string) {
		t.Helper()
		if r := b.checkIn("casablanca", code, key); r.status != 200 {
			t.Fatalf("check in: %d %s", r.status, r.body)
		}
	}
	in(usedCode, "before")
	p := b.openDoor()
	p.press("#by-list")
	p.until("there is a list", `document.getElementById("list-state").innerText.includes("4 tickets")`)
	in(tickets[1].Code, "by another door")
	late := b.mustBuy("dave", "casablanca", 1)
	b.eventuallyStatus("dave", late.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(t, "dave", "buyer"), `{"order_id":"`+late.ID+`"}`)
	b.eventuallyStatus("dave", late.ID, "paid")
	lateCode := b.tickets("dave", late.ID)[0].Code

	b.stop()
	for _, test := range []struct{ name, code, kind, want string }{
		{"on the list", tickets[0].Code, "good", "By the list of"},
		{"once more", tickets[0].Code, "bad", "Used already"},
		{"used since the list", tickets[1].Code, "good", "Ticket 2 of 3"},
		{"used before", usedCode, "bad", "Used already"},
		{"forged", "x" + tickets[2].Code[1:], "bad", "Not a valid ticket"},
		{"another's", tickets[2].Code[:60] + usedCode[60:], "bad", "Not a valid ticket"},
		{"nonsense", "hello there", "bad", "Not a valid ticket"},
		{"of another screening", elsewhereCode, "bad", "For another screening"},
		{"sold since the list", lateCode, "bad", "No answer"},
	} {
		p.do(chromedp.SendKeys("#code", test.code+"\r"))
		if said := p.answered(test.kind); !strings.Contains(said, test.want) {
			t.Errorf("%s: %q, want %q", test.name, said, test.want)
		}
		p.goOn()
	}

	b.env["BOXOFFICE_LISTEN"] = strings.TrimPrefix(b.shop, "http://")
	b.start()
	p.until("the office knows who is in", `document.getElementById("inside").innerText.startsWith("4 of 5")`)
	p.until("what was sold late is let in, and what was used twice is told", `[...document.querySelectorAll("#waiting-list li strong")].map((row) =>
		row.innerText).sort().join() === "Come in,Was let in by the list: Used already"`)
	if again := b.tickets("alice", order.ID); again[0].State != "used" || again[2].State != "valid" {
		t.Errorf("tickets %+v", again)
	}
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	if said := p.answered("bad"); !strings.Contains(said, "Used already") {
		t.Errorf("the code of somebody who is in: %s", said)
	}
}
