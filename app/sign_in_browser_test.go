//go:build !race

package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"boxoffice/api"
	"boxoffice/identity/identitytest"
)

// In a real browser: a person signs in, buys by cookie, and no page of another origin acts in that person's name, although
// the browser sends the cookie for it, since another port is not another site.
func TestSignInInABrowser(t *testing.T) {
	b := newBrowser(t)
	provider := identitytest.Run(t, time.Now)
	o := newOfficeWithProvider(t, provider, nil)
	screening := o.addScreening(10, 0)
	provider.QueueUser(identitytest.Person{Subject: "alice", Said: map[string]any{"name": "Alice"}})

	ctx, end := chromedp.NewContext(b.tabs)
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	p := page{t, ctx}
	p.do(chromedp.Navigate(o.shop + "/sign-in?return=/problems"))
	p.until("the browser is back", `location.pathname === "/problems"`)
	p.tell("me", `fetch("/v1/me").then((r) => r.json()).then((me) => me.name + " by " + me.by)`, "Alice by cookie")
	buy := fmt.Sprintf(`fetch("/v1/screenings/%s/orders", {method: "POST", body: '{"quantity":1}',
		headers: {"Content-Type": "application/json", "Idempotency-Key": "k"}}).then((r) => r.status)`, screening)
	p.tell("bought", buy, "202")
	if kept := js[string](p, `document.cookie`); kept != "" {
		t.Errorf("scripts read the cookies %q", kept)
	}

	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><form method="post" action="%s/sign-out"></form><script>document.forms[0].submit()</script>`, o.shop)
	}))
	t.Cleanup(elsewhere.Close)
	p.do(chromedp.Navigate(elsewhere.URL))
	p.until("the form is answered", fmt.Sprintf(`location.href === %q && document.body.innerText !== ""`, o.shop+"/sign-out"))
	if text := p.text("body"); !strings.Contains(text, `"code":"other_site"`) {
		t.Errorf("the other page's form was answered with %s", text)
	}
	p.do(chromedp.Navigate(o.shop + "/problems"))
	p.tell("still", `fetch("/v1/me").then((r) => r.status)`, "200")
	p.tell("out", `fetch("/sign-out", {method: "POST"}).then((r) => r.status)`, "204")
	p.tell("gone", `fetch("/v1/me").then((r) => r.status)`, "401")
}

// tell waits for what a promise of the page comes to.
func (p page) tell(name, promise, want string) {
	p.t.Helper()
	js[bool](p, fmt.Sprintf(`window[%q] = "", %s.then((value) => { window[%q] = String(value) }), true`, name, promise, name))
	p.until(name+" is answered", fmt.Sprintf(`window[%q] !== ""`, name))
	if got := js[string](p, fmt.Sprintf(`window[%q]`, name)); got != want {
		p.t.Errorf("%s: the page was told %q, want %q", name, got, want)
	}
}

// In a real browser: whoever signs out in one tab is signed out in all of them, those of the console too, and at the provider,
// which would have signed in the next one at this computer as the same person.
func TestSignOutInABrowser(t *testing.T) {
	b := newBrowser(t)
	provider := identitytest.Run(t, time.Now)
	provider.OfferSignOut()
	o := newOfficeWithProvider(t, provider, nil)
	provider.OfferSignOut(o.shop + api.SignOutCallbackPath)
	b = &browserTest{o, b.tabs, b.width}
	shop, other, console := b.open("/orders"), b.open("/"), b.blank()
	console.do(chromedp.Navigate(o.shop + "/admin"))
	console.untilThere("#main .gate")
	signIn := func(p page, path string) {
		t.Helper()
		p.do(chromedp.Navigate(o.shop + "/sign-in?return=" + path))
		p.until("the browser is back", fmt.Sprintf(`location.origin + location.pathname === %q`, o.shop+path))
	}
	const is = `document.getElementById(%q)?.innerText === "Alice"`
	const gone = `document.getElementById("buyer") === null && document.getElementById("sign-in-button") !== null`
	for _, signsOut := range []page{shop, console} {
		provider.QueueUser(identitytest.Person{Subject: "alice", Said: map[string]any{"name": "Alice", "roles": "admin"}})
		signIn(shop, "/orders")
		shop.until("signed in", fmt.Sprintf(is, "buyer"))
		other.until("signed in here too", fmt.Sprintf(is, "buyer"))
		console.until("and in the console", fmt.Sprintf(is, "operator"))
		from := js[string](signsOut, `window.before = true, location.pathname`)
		signsOut.press("#sign-out")
		signsOut.until("it has been at the provider and is back", fmt.Sprintf(`window.before === undefined && location.href === %q`, o.shop+from))
		shop.until("signed out", gone)
		other.until("signed out here too", gone)
		console.until("and in the console", `document.getElementById("operator") === null && document.querySelector("#main .gate") !== null`)
	}
	signIn(shop, "/orders")
	shop.until("somebody is signed in", `document.getElementById("buyer") !== null`)
	if name := shop.text("#buyer"); name == "Alice" {
		t.Error("the provider signs alice in again")
	}
}
