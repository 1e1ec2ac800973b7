//go:build !race

package app

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"boxoffice/identity/identitytest"
)

// The console showed a buyer or operator called Zhang Wei in Chinese as %E5%BC%A0..., and found nobody by that name.
func TestConsoleShowsNamesOfEveryScript(t *testing.T) {
	const operator, buyer, percent = "\u5965\u5c14\u52a0", "\u5f20\u4f1f", "100%"
	b := newBrowser(t)
	order := b.mustBuy(url.PathEscape(buyer), "casablanca", 1)
	other := b.mustBuy("100%25", "casablanca", 1)
	b.eventuallyStatus(url.PathEscape(buyer), order.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(t, url.PathEscape(buyer), "buyer"), `{"order_id":"`+order.ID+`"}`)
	b.eventuallyStatus(url.PathEscape(buyer), order.ID, "paid")
	p := b.console(operator)
	p.do(chromedp.Reload())
	p.until("the operator is known by name after a reload", `document.getElementById("operator")?.innerText === `+quoted(operator))
	search := func(what, view, field, typed, row, want string) {
		t.Helper()
		p.view(view, `document.getElementById("`+field+`") !== null`)
		p.fill("#"+field, typed)
		p.clicks("#main form button[type=submit]")
		p.until(what, `((found) => found.length === 1 && found[0].matches("`+row+`") && found[0].innerText.includes(`+quoted(want)+`) &&
			!found[0].innerText.includes("%E5"))([...document.querySelectorAll("#main .rows > .row")])`)
	}
	for _, typed := range []string{buyer, url.PathEscape(buyer)} {
		search("found by "+typed, "#/orders", "q-buyer", typed, "[data-id='"+order.ID+"']", buyer)
	}
	for _, typed := range []string{percent, "100%25"} {
		search("found by "+typed, "#/orders", "q-buyer", typed, "[data-id='"+other.ID+"']", percent)
	}
	p.view("#/orders/"+order.ID, `document.querySelector("#main").innerText.includes(`+quoted(buyer)+`)`)
	p.press("#cancel-order")
	p.confirms("asked by phone")
	p.until("the act has a name, in the list and in the timeline", `
		document.querySelector(".row[data-act=cancel]")?.innerText.includes(`+quoted(operator)+`) &&
		document.querySelector(".timeline").innerText.includes(`+quoted(operator)+`) && !document.querySelector("#main").innerText.includes("%E5")`)
	for _, typed := range []string{operator, url.PathEscape(operator)} {
		search("acts of "+typed, "#/acts", "q-actor", typed, "[data-act=cancel]", operator)
	}
}

// The page of a failed sign-in was looked at by no check, in either language.
func TestFailedSignInIsForEverybody(t *testing.T) {
	axe := axeSource(t)
	b := newBrowser(t)
	provider := identitytest.Run(t, time.Now)
	o := newOfficeWithProvider(t, provider, nil)
	b.width = 360
	p := b.blank()
	for language, title := range map[string]string{"en": "Not signed in", "zh": "\u672a\u767b\u5f55"} {
		p.do(chromedp.Navigate(o.shop + "/problems"))
		js[string](p, `document.cookie = "language=`+language+`; path=/"`)
		p.do(chromedp.Navigate(o.shop + "/sign-in/callback?code=x&state=y"))
		p.until("it is told", `document.querySelector("h1")?.innerText === `+quoted(title))
		for _, scheme := range []string{"light", "dark"} {
			p.scheme(scheme)
			if found := p.violations(axe); found != "[]" {
				t.Errorf("in %s, %s: %s", language, scheme, found)
			}
		}
		p.wantNoWiderThanAPhone()
		p.press(`main a.quiet`)
		p.until("there is a way back", `location.pathname === "/" && document.documentElement.lang.startsWith("`+language+`")`)
	}
}
