//go:build !race

package app

import "testing"

// Whoever had chosen three tickets and then switched the language, signed in above the page or reloaded it had one ticket chosen,
// without a word, and bought that.
func TestPageKeepsHowManyAreChosen(t *testing.T) {
	b := newBrowser(t)
	const three = `document.querySelector(".quantity input:checked")?.value === "3"`
	p := b.open("/s/casablanca")
	p.untilThere(".quantity label:nth-of-type(3)")
	p.clicks(".quantity label:nth-of-type(3)")
	p.until("three are chosen", three)
	for _, language := range []string{"zh", "en"} {
		p.press("#language")
		p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`") && document.querySelector(".quantity") !== null`)
		p.until("three are chosen in "+language, three)
	}
	p.signIn("alice")
	p.until("three are chosen after a sign-in", three)
	p.visit(b.shop + "/s/casablanca")
	p.until("and after a reload", three)
	p.buys()
	if orders := b.ordersOf("alice"); len(orders) != 1 || orders[0].Quantity != 3 {
		t.Errorf("the orders are %+v, want one of three tickets", orders)
	}
	p.visit(b.shop + "/s/casablanca")
	p.until("who buys again begins with one", `document.querySelector(".quantity input:checked")?.value === "1"`)
}

// Three were chosen, one was left for a moment while others held theirs: the choice was one from then on.
func TestChosenQuantityComesBackWithTheTickets(t *testing.T) {
	p := newBrowser(t).open("/s/casablanca")
	js[bool](p, `import("/web/quantity.js").then(({quantityChoice}) => {
		sessionStorage.setItem("begun:quantity:some", "3");
		const choice = quantityChoice("some", () => {});
		window.chosen = [5, 1, 5, 2].map((available) => (choice.offer(0, available), choice.value())).join();
	}) !== null`)
	p.until("it is three when three are there", `window.chosen === "3,1,3,2"`)
}

// What was half typed as the address for the tickets was gone after a switch of the language, or after a session that ended, and
// the payment provider that was chosen was the first one again. Nobody else finds it on this machine.
func TestPageKeepsWhatIsBegunWithAnOrder(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	js[bool](p, `(() => { // of an office that has two
		const send = window.fetch;
		window.fetch = (path, options) => (path !== "/v1/payments/providers" ? send(path, options)
			: Promise.resolve(new Response('{"items":[{"name":"first"},{"name":"second"}]}', {headers: {"Content-Type": "application/json"}})));
		return true;
	})()`)
	p.buys()
	const typed = `document.getElementById("contact-email")?.value === "alice@exam"`
	const second = `document.querySelector(".providers input:checked")?.value === "second"`
	p.untilThere("#contact-email")
	p.fill("#contact-email", "alice@exam")
	p.press(".providers label:nth-of-type(2)")
	p.until("the second is chosen", second)
	p.press("#language")
	p.until("both are there in Chinese", `document.documentElement.lang === "zh-CN" && `+typed+" && "+second)
	js[bool](p, `localStorage.setItem("token", "expired") === undefined`)
	p.press(".contact button[type=submit]") // which the browser lets through: it is an address
	p.answerSignIn("alice")
	p.until("and after a session that ended", typed+" && "+second)
	q := b.open("/") // the session ends there
	js[bool](q, `localStorage.setItem("token", "expired") === undefined`)
	q.visit(b.shop + "/orders")
	q.until("the other tab is told that it has ended", `localStorage.getItem("session").startsWith("expired:")`)
	p.until("this tab is signed out", `!localStorage.getItem("token") && document.getElementById("sign-out")?.hidden !== false`)
	if kept := js[bool](p, `Object.keys(sessionStorage).some((name) => name.startsWith("begun:"))`); !kept {
		t.Error("the end of the session in another tab has erased what was begun here")
	}
	p.signIn("alice")
	p.press("#sign-out")
	p.until("nothing is kept of who has signed out", `Object.keys(sessionStorage).every((name) => !name.startsWith("begun:"))`)
}
