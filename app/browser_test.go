//go:build !race

package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserTest is a demo and a phone's browser that looks at it. Each page made of it is a tab.
type browserTest struct {
	*officeTest
	tabs context.Context
}

// newBrowser starts both, and the tests know the demo's secrets. Without a Chromium the test is skipped.
func newBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) *browserTest {
	t.Helper()
	found := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			found = path
			break
		}
	}
	if found == "" {
		t.Skip("no chromium is on the PATH")
	}
	o := &officeTest{home: home{dir: t.TempDir()}, t: t, clock: &testClock{}}
	o.env = map[string]string{
		"BOXOFFICE_LISTEN": "127.0.0.1:0", "BOXOFFICE_ADMIN_LISTEN": "127.0.0.1:0", "BOXOFFICE_DATA_DIR": o.dir,
	}
	if err := writeDemoSecrets(filepath.Join(o.dir, "demo-secrets.json"),
		demoSecrets{JWT: testJWTSecret, Webhook: testWebhookSecret()}); err != nil {
		t.Fatal(err)
	}
	o.start()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(found), chromedp.WindowSize(390, 844), chromedp.Flag("lang", "en-US"))
	options = append(options, more...)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	tabs, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(tabs, chromedp.Navigate("about:blank")); err != nil { // the first tab brings the browser
		t.Fatal(err)
	}
	return &browserTest{o, tabs}
}

// page is one tab.
type page struct {
	t   *testing.T
	ctx context.Context
}

func (b *browserTest) open() page {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.tabs)
	b.t.Cleanup(end)
	p := page{b.t, ctx}
	// The first action makes the tab, and a deadline of its own would end both.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile)); err != nil {
		b.t.Fatal(err)
	}
	p.do(chromedp.Navigate(b.shop))
	p.until("the page is live", `document.getElementById("link").dataset.state === "live"`)
	return p
}

func (p page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, testDeadline)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// js gives what an expression is worth on a page.
func js[T any](p page, expression string) T {
	p.t.Helper()
	value, err := evaluate[T](p, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func evaluate[T any](p page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, testDeadline)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

func (p page) text(selector string) string {
	p.t.Helper()
	return js[string](p, fmt.Sprintf(`document.querySelector(%q).innerText`, selector))
}

func (p page) until(what, condition string) {
	p.t.Helper()
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(20 * time.Millisecond) {
		holds, err := evaluate[bool](p, condition) // it fails while the browser goes to another page
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not in time: %s (%v)\nthe page says:\n%s", what, err, p.text("body"))
		}
	}
}

func (p page) signIn(name string) {
	p.t.Helper()
	p.do(chromedp.SendKeys("#who", name+"\r"))
	p.until("signed in", `!document.getElementById("signed-in").hidden`)
}

const buyButton = ".screening[data-state=open] .buy button" // of the first that is on sale

func (p page) untilBuyable() {
	p.t.Helper()
	p.until("something can be bought", `document.querySelector("`+buyButton+`")?.disabled === false`)
}

// clicks clicks a place so many times with a pause between, as a hand does: whatever lies there by then.
func (p page) clicks(selector string, pauses ...time.Duration) {
	p.t.Helper()
	p.do(chromedp.ScrollIntoView(selector))
	place := js[[]float64](p, fmt.Sprintf(
		`(({x, y, width, height}) => [x + width / 2, y + height / 2])(document.querySelector(%q).getBoundingClientRect())`, selector))
	p.do(chromedp.MouseClickXY(place[0], place[1]))
	for _, pause := range pauses {
		p.do(chromedp.Sleep(pause), chromedp.MouseClickXY(place[0], place[1]))
	}
}

func (b *browserTest) ordersOf(buyer string) []orderJSON {
	b.t.Helper()
	r := b.must("GET", "/v1/orders", bearer(b.t, buyer, "buyer"), "")
	return decode[struct{ Items []orderJSON }](b.t, r).Items
}

// A hand's double click bought twice: the first click was answered before the second one came.
func TestPageDoubleClickIsOnePurchase(t *testing.T) {
	b := newBrowser(t)
	p := b.open()
	for i, pause := range []time.Duration{0, 40 * time.Millisecond, 250 * time.Millisecond} {
		buyer := fmt.Sprint("alice-", i)
		p.signIn(buyer)
		p.untilBuyable()
		p.clicks(buyButton, pause)
		p.until("the order is there", `document.querySelectorAll(".order").length > 0`)
		p.untilBuyable()
		if n := len(b.ordersOf(buyer)); n != 1 {
			t.Errorf("two clicks %v apart made %d orders, want 1", pause, n)
		}
		p.clicks(".order .actions button.quiet", pause)
		p.until("it is asked first", `document.querySelector(".order .actions button.quiet:enabled")?.innerText === "Really cancel?"`)
		p.clicks("#sign-out")
		p.until("signed out", `!document.getElementById("sign-in").hidden && document.querySelector(".order") === null`)
	}
	for i := range 3 {
		if orders := b.ordersOf(fmt.Sprint("alice-", i)); len(orders) != 1 || orders[0].Status == "cancelled" {
			t.Errorf("a double click on Cancel: %+v, want the order to be there", orders)
		}
	}
	if js[bool](p, `document.documentElement.scrollWidth > window.innerWidth`) {
		t.Error("the page is wider than a phone")
	}
}

// Whoever opened a second tab was asked to sign in there, and signing out left the other tab signed in.
func TestPageTabsShareTheSession(t *testing.T) {
	b := newBrowser(t)
	first, second := b.open(), b.open()
	first.signIn("alice")
	second.until("signed in here too", `document.getElementById("buyer").innerText === "alice"`)
	if name := b.open().text("#buyer"); name != "alice" {
		t.Errorf("a third tab buys as %q, want alice", name)
	}
	second.clicks("#sign-out")
	first.until("signed out here too", `!document.getElementById("sign-in").hidden`)
}

// A restart of the demo made new secrets: everybody was signed out of orders that were still there.
func TestPageStaysSignedInOverARestart(t *testing.T) {
	b := newBrowser(t)
	p := b.open()
	p.signIn("alice")
	p.untilBuyable()
	p.clicks(buyButton)
	p.until("the order is there", `document.querySelectorAll(".order").length === 1`)
	b.stop()
	b.env["BOXOFFICE_LISTEN"] = strings.TrimPrefix(b.shop, "http://")
	b.start()
	p.do(chromedp.Reload())
	p.until("alice and her order are still there",
		`document.getElementById("buyer").innerText === "alice" && document.querySelectorAll(".order").length === 1`)
}

// After a hundred sales that were over the page showed nothing else.
func TestPageShowsWhatIsOnSale(t *testing.T) {
	b := newBrowser(t)
	past, soon := time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour)
	for n := range 105 {
		for _, starts := range []time.Time{past, soon} {
			body, err := json.Marshal(map[string]any{
				"movie": fmt.Sprint("Movie ", n), "venue": "Rex", "starts_at": starts.Format(time.RFC3339), "capacity": 1,
				"price":         map[string]any{"amount": 100, "currency": "CNY"},
				"sale_opens_at": past.Add(-time.Hour).Format(time.RFC3339), "sale_closes_at": starts.Format(time.RFC3339),
			})
			if err != nil {
				t.Fatal(err)
			}
			if r := b.must("POST", "/v1/screenings", bearer(t, "boss", "admin"), string(body)); r.status != http.StatusCreated {
				t.Fatalf("add a screening: %d %s", r.status, r.body)
			}
		}
	}
	p := b.open()
	p.until("a page of what is on sale", `document.querySelectorAll(".screening").length === 100`)
	p.until("and none that is over", `document.querySelector(".screening[data-state=closed]") === null`)
	p.clicks("#screenings-more")
	p.until("the rest", `document.querySelectorAll(".screening").length > 105 && document.getElementById("screenings-more").hidden`)
}

// On a 401 the page forgot the key of its purchase, so the retry after signing in bought again.
func TestPageKeepsThePurchaseOverA401(t *testing.T) {
	b := newBrowser(t)
	p := b.open()
	p.signIn("alice")
	p.untilBuyable()
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
	p.until("signed out", `!document.getElementById("sign-in").hidden`)
	if n := len(b.ordersOf("alice")); n != 1 {
		t.Fatalf("%d orders before the retry, want the one whose answer was lost", n)
	}
	p.signIn("alice")
	p.until("the order is there", `document.querySelector(".order") !== null`)
	p.untilBuyable()
	p.clicks(buyButton)
	p.until("the purchase is answered", `[...document.querySelectorAll(".result")].some((e) => e.innerText.includes("yours"))`)
	if n := len(b.ordersOf("alice")); n != 1 {
		t.Errorf("%d orders after the retry, want 1", n)
	}
}

// Outside the demo nobody could pay. The page goes to the payment provider, and comes back to an order that is paid.
func TestPagePaysWithTheProvider(t *testing.T) {
	b := newBrowser(t)
	p := b.open()
	p.signIn("alice")
	p.untilBuyable()
	p.clicks(buyButton)
	p.until("the order can be paid", `document.querySelector(".order .actions button.pay:enabled") !== null`)
	p.until("it says what and where", `/ticket.*\u00b7.*\u00b7.*\u00b7/.test(document.querySelector(".order .muted").innerText)`)
	p.clicks(".order .actions button.pay")
	p.until("the provider's page is there", `location.pathname.startsWith("/pay/")`)
	if js[bool](p, `document.documentElement.scrollWidth > window.innerWidth`) {
		t.Error("the provider's page is wider than a phone")
	}
	p.clicks("button[value=pay]")
	p.until("back in the shop, and paid", `document.querySelector(".order[data-status=paid]") !== null`)
	if orders := b.ordersOf("alice"); len(orders) != 1 || orders[0].Status != "paid" {
		t.Errorf("orders %+v", orders)
	}
	if r := b.must("GET", "/v1/admin/ledger", bearer(t, "boss", "admin"), ""); !strings.Contains(string(r.body), `"balanced":true`) {
		t.Errorf("ledger %s", r.body)
	}
}

// The buyer of cancelled tickets still read "now pay" beside them.
func TestPageForgetsWhatIsNotTrueAnyMore(t *testing.T) {
	b := newBrowser(t)
	p := b.open()
	p.signIn("alice")
	p.untilBuyable()
	p.clicks(buyButton)
	p.until("told to pay", `[...document.querySelectorAll(".result")].some((e) => e.innerText.includes("yours"))`)
	order := b.ordersOf("alice")[0]
	if r := b.must("POST", "/v1/orders/"+order.ID+"/cancel", bearer(t, "alice", "buyer"), ""); r.status != http.StatusOK {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	p.until("it is forgotten", `![...document.querySelectorAll(".result")].some((e) => e.innerText.includes("yours"))`)
}
