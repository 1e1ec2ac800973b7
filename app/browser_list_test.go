//go:build !race

package app

import (
	"encoding/base64"
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

// A door that went by its list let one ticket in as often as its code was written differently: with other last bits, with "=" or
// a space, all of which a browser decodes to the same bytes. And a guest who had come in a moment before the office went away
// came in again, since the list was older.
func TestCheckInPageLetsInATicketOnce(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 3)
	tickets := b.tickets("alice", order.ID)
	code := tickets[0].Code
	raw, err := base64.RawURLEncoding.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	p := b.openDoor()
	p.press("#by-list")
	p.until("there is a list", `document.getElementById("list-state").innerText.includes("3 tickets")`)
	p.do(chromedp.SendKeys("#code", tickets[1].Code+"\r"))
	p.answered("good")
	p.goOn()
	b.stop()
	check := func(what, code, kind, want string) {
		t.Helper()
		js[string](p, `document.getElementById("code").value = `+quoted(code))
		p.do(chromedp.SendKeys("#code", "\r"))
		if said := p.answered(kind); !strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", what, said, want)
		}
		p.goOn()
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(letters, code[len(code)-1])
	variants := map[string]string{
		"padded once": code + "=", "padded": code + "==", "with a space": code[:50] + " " + code[50:],
		"other last bits": code[:len(code)-1] + letters[last+1:last+2], "all last bits": code[:len(code)-1] + letters[last+15:last+16],
	}
	for what, variant := range variants {
		check(what+", before it is in", variant, "bad", "Not a valid ticket")
	}
	check("the ticket", code, "good", "By the list of")
	for what, variant := range variants {
		check(what, variant, "bad", "Not a valid ticket")
	}
	raw[len(raw)-1] ^= 1 // as the code by another key of the office
	check("another code of the same ticket", base64.RawURLEncoding.EncodeToString(raw), "bad", "Used already")
	check("used at this door before the office went away", tickets[1].Code, "bad", "Used already")
	check("another ticket", tickets[2].Code, "good", "Ticket 3 of 3")
	waiting := js[string](p, `JSON.parse(localStorage.getItem("door-codes")).map(({code}) => code).sort().join()`)
	if strings.Count(waiting, ",") != 1 {
		t.Errorf("the codes of two guests wait for the office, and not %s", waiting)
	}
}

// The token of a door was mistyped, or ran out during the evening: the page went on as if somebody was signed in, and every guest
// was asked for in vain. It asks who it is, in plain words of either language, and what it has not told the office waits.
func TestCheckInPageAsksWhoItIsAgain(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 1)
	code := b.tickets("alice", order.ID)[0].Code
	const isOpen = `!document.getElementById("door").hidden`
	says := func(p page, what, words string) {
		t.Helper()
		p.until(what, `document.getElementById("door").hidden && !document.getElementById("sign-in").hidden &&
			document.getElementById("sign-in-message").innerText === `+quoted(words))
	}
	const expired, expiredZh = "Sign in again: the token is not valid, or not any more.",
		"\u4ee4\u724c\u65e0\u6548\u6216\u5df2\u8fc7\u671f\uff0c\u8bf7\u91cd\u65b0\u767b\u5f55\u3002"
	p := b.openDoor()
	js[bool](p, `(localStorage.setItem("staff-token", "mistyped"), location.reload(), true)`)
	says(p, "a mistyped token opens nothing", expired)
	p.press("#language")
	says(p, "in Chinese, too", expiredZh)
	js[bool](p, `(localStorage.setItem("staff-token", `+quoted(bearer(t, "alice", "buyer"))+`), location.reload(), true)`)
	says(p, "nor does a buyer's", "\u9700\u8981\u68c0\u7968\u5458\u6743\u9650\u3002")
	p.press("#language")
	says(p, "in English, too", "This needs the role staff.")

	p.do(chromedp.SendKeys("#who", "sam\r"))
	p.until("the door is open", isOpen+` && document.getElementById("screening").value === "casablanca" &&
		document.getElementById("sign-in-message").innerText === ""`)
	js[bool](p, `(localStorage.setItem("staff-token", "run out"), document.getElementById("screening").dispatchEvent(new Event("change")))`)
	says(p, "the next count of who is inside tells", expired)

	p.do(chromedp.SendKeys("#who", "sam\r"))
	p.until("the door is open", isOpen+` && document.getElementById("screening").value === "casablanca"`)
	js[bool](p, `(() => { // in one step: a count of who is inside may close the door at any moment
		localStorage.setItem("staff-token", "run out");
		document.getElementById("code").value = `+quoted(code)+`;
		document.getElementById("typed").requestSubmit();
		return true;
	})()`)
	if said := p.answered("bad"); !strings.Contains(said, expired) {
		t.Errorf("a check-in by a token that has run out: %s", said)
	}
	says(p, "and the page behind it", expired)
	p.goOn()
	p.do(chromedp.SendKeys("#who", "sam\r"))
	p.until("the code has waited, and its guest is let in",
		`document.querySelector("#waiting-list li[data-kind=good]")?.innerText.includes("Ticket 1 of 1") === true`)
}
