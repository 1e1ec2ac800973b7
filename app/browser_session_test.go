//go:build !race

package app

import (
	"strings"
	"testing"
)

// Whoever opened a second tab was asked to sign in there, and signing out left the other tab signed in.
func TestPageTabsShareTheSession(t *testing.T) {
	b := newBrowser(t)
	first, second := b.open("/"), b.open("/orders")
	first.signIn("alice")
	second.until("signed in here too", `document.getElementById("buyer")?.innerText === "alice" && document.querySelector("#main .empty") === null`)
	if name := b.open("/").text("#buyer"); name != "alice" {
		t.Errorf("a third tab buys as %q, want alice", name)
	}
	second.clicks("#sign-out")
	first.until("signed out here too", `document.getElementById("buyer") === null`)
}

// A restart of the demo made new secrets: everybody was signed out of orders that were still there. And a page whose server
// is away says so, and goes on by itself.
func TestPageOutlivesTheServer(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	id := p.buys()
	b.stop()
	p.until("it says so", `document.getElementById("link").innerText.includes("does not answer")`)
	p.clicks("nav a")
	p.until("one can still look around", `location.pathname === "/orders" && document.querySelector("#main h1").innerText === "My orders"`)
	b.env["BOXOFFICE_LISTEN"] = strings.TrimPrefix(b.shop, "http://")
	b.start()
	p.until("it is back", `document.getElementById("link").hidden && document.querySelectorAll(".order-card").length === 1`)
	p.visit(b.shop + "/o/" + id)
	p.until("alice and her order are still there",
		`document.getElementById("buyer").innerText === "alice" && document.querySelector(".order") !== null`)
}

// A purchase that is clicked while the server is away is sent when it is back.
func TestPageBuysWhenTheServerIsBack(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	p.untilThere(buyButton)
	b.stop()
	p.clicks(buyButton)
	p.until("it says so", `document.querySelector(".screening .result").innerText.includes("Trying again")`)
	b.env["BOXOFFICE_LISTEN"] = strings.TrimPrefix(b.shop, "http://")
	b.start()
	p.atOrder()
	if n := len(b.ordersOf("alice")); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}

// Somebody whose name has no Latin letter could not try the demo at all.
func TestPageTakesEveryName(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	name := "\u5f20\u4f1f 100%"
	p.signIn(name)
	if shown := p.text("#buyer"); shown != name {
		t.Errorf("it shows %q", shown)
	}
	p.buys()
	if n := len(b.ordersOf("%E5%BC%A0%E4%BC%9F 100%25")); n != 1 {
		t.Errorf("%d orders of the subject that is made of the name, want 1", n)
	}
	p.press("#sign-out")
	p.press("#sign-in-button")
	p.untilThere("#who")
	js[string](p, `document.getElementById("who").value = "\u5f20".repeat(20)`)
	p.press("#sign-in button[type=submit]")
	p.until("a name that is too long", `document.querySelector("#sign-in .result").innerText === "This name is too long."`)
}

// The address of an order works signed out, and shows nobody else's.
func TestPageOfAnOrderAsksWhoItIs(t *testing.T) {
	b := newBrowser(t)
	order := b.mustBuy("alice", "casablanca", 2)
	p := b.open("/o/" + order.ID)
	if words := p.text("#main"); !strings.Contains(words, "Sign in to see this order") {
		t.Errorf("it says %q", words)
	}
	p.press("#main button")
	p.answerSignIn("alice")
	p.until("the order is there", `document.querySelector(".order")?.innerText.includes("2 tickets")`)
	p.clicks("#sign-out")
	p.signIn("bob")
	p.until("it is nobody else's", `document.querySelector("#main h1").innerText === "There is no such order of yours"`)
}

// Outside of the demo one signs in with a token, and a wrong one is refused at once.
func TestPageTakesAToken(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	js[bool](p, `(document.body.dataset.demo = "no") === "no"`)
	p.visitAs(b, "token")
	p.press("#sign-in-button")
	p.untilThere("#who[type=password]")
	p.typeWho("not-a-token")
	p.until("it is refused", `document.querySelector("#sign-in .result").innerText.includes("not valid")`)
	p.typeWho(bearer(t, "carol", "buyer"))
	p.until("signed in", `document.getElementById("buyer")?.innerText === "carol"`)
	if js[bool](p, `document.getElementById("news").innerText !== ""`) {
		t.Errorf("it says %q", p.text("#news"))
	}
}

// With an identity provider the cookie says who it is, and calls go without a token.
func TestPageWithACookie(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	p.visitAs(b, "oidc")
	p.until("signed in", `document.getElementById("buyer")?.innerText === "Carol \u738b"`)
	p.press("nav a")
	p.until("a call has no token", `window.tokens?.includes("none") === true && !window.tokens.includes("some")`)
	p.press("#sign-out")
	p.until("the server knows", `window.signedOut === true && document.getElementById("buyer") === null`)
	p.press("#sign-in-button")
	p.until("the way to the provider", `document.querySelector("#sign-in a.button").getAttribute("href") === "/sign-in?return=%2Forders"`)
}
