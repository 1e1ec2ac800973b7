//go:build !race

package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserTest is a demo and a phone's browser that looks at it. Each page made of it is a tab.
type browserTest struct {
	*officeTest
	tabs  context.Context
	width int64
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
	if os.Getenv("BOXOFFICE_TEST_NAMESRV") != "" {
		t.Skip("pages are looked at in the demo, which has a broker of its own")
	}
	slow(t)
	o := demoToStart(t)
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
	return &browserTest{o, tabs, 390}
}

// page is one tab.
type page struct {
	t   *testing.T
	ctx context.Context
}

// open opens a tab at an address of the shop.
func (b *browserTest) open(path string) page {
	b.t.Helper()
	p := b.blank()
	p.visit(b.shop + path)
	return p
}

// blank opens a tab that shows nothing yet.
func (b *browserTest) blank() page {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.tabs)
	b.t.Cleanup(end)
	// The first action makes the tab, and a deadline of its own would end both.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(b.width, 844, chromedp.EmulateMobile)); err != nil {
		b.t.Fatal(err)
	}
	return page{b.t, ctx}
}

// visit goes to an address, as if it were typed.
func (p page) visit(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
	p.until("the page is live", `document.documentElement.dataset.link === "live" || document.querySelector("#main .empty") !== null`)
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
	return js[string](p, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// until waits for a condition.
func (p page) until(what, condition string) {
	p.t.Helper()
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(20 * time.Millisecond) {
		holds, err := evaluate[bool](p, condition) // it fails while the browser goes to another page
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not in time: %s (%v)\n%s says:\n%s", what, err, js[string](p, "location.href"), p.text("body"))
		}
	}
}

// untilThere waits for an element that one can use.
func (p page) untilThere(selector string) {
	p.t.Helper()
	p.until("there is "+selector, fmt.Sprintf(`(() => {
		const found = document.querySelector(%q);
		return found !== null && !found.disabled && found.getClientRects().length > 0;
	})()`, selector))
}

// clicks clicks a place so many times with a pause between, as a hand does: whatever lies there by then.
func (p page) clicks(selector string, pauses ...time.Duration) {
	p.t.Helper()
	p.clicksOn(selector, fmt.Sprintf(`document.querySelector(%q)`, selector), "nearest", pauses...)
}

// clicksOn clicks on the element that an expression finds, once it is there and lies still: where it lay a moment ago. Finding
// it and reading its place is one step: a view that is drawn anew meanwhile has another element.
func (p page) clicksOn(what, element, block string, pauses ...time.Duration) {
	p.t.Helper()
	p.until("there is "+what, fmt.Sprintf(`(() => {
		const one = %s;
		one?.scrollIntoView({block: %q, behavior: "instant"}); // and not beneath the bar
		const {x, y, width, height} = one?.getBoundingClientRect() ?? {};
		const place = [x + width / 2, y + height / 2], before = window.placeToClick;
		window.placeToClick = place;
		return Boolean(one) && before?.[0] === place[0] && before[1] === place[1];
	})()`, element, block))
	place := js[[]float64](p, `[window.placeToClick, window.placeToClick = null][0]`)
	p.do(chromedp.MouseClickXY(place[0], place[1]))
	for _, pause := range pauses {
		p.do(chromedp.Sleep(pause), chromedp.MouseClickXY(place[0], place[1]))
	}
}

// press waits for what is pressed.
func (p page) press(selector string) {
	p.t.Helper()
	p.untilThere(selector)
	p.clicks(selector)
}

// fits tells whether nothing sticks out to the right. The inner width is no measure: a phone's browser zooms out.
func (p page) fits() bool {
	p.t.Helper()
	return js[bool](p, `document.documentElement.scrollWidth <= document.documentElement.clientWidth`)
}

// signIn signs in by the button above every page.
func (p page) signIn(name string) {
	p.t.Helper()
	p.press("#sign-in-button")
	p.answerSignIn(name)
}

// answerSignIn fills in the dialog that asks who it is.
func (p page) answerSignIn(name string) {
	p.t.Helper()
	p.untilThere("#who")
	js[string](p, `document.getElementById("who").value = ""`) // of who was here before
	p.do(chromedp.SendKeys("#who", name+"\r"))
	p.until("signed in", `document.getElementById("buyer") !== null && document.getElementById("sign-in") === null`)
}

const (
	buyButton = ".bottom-bar .buy"
	payButton = ".bottom-bar .pay"
)

// buys buys what is chosen, and gives the order's id.
func (p page) buys(pauses ...time.Duration) string {
	p.t.Helper()
	p.untilThere(buyButton)
	p.clicks(buyButton, pauses...)
	return p.atOrder()
}

// atOrder waits for the page of an order, and gives its id.
func (p page) atOrder() string {
	p.t.Helper()
	p.until("the order is there", `location.pathname.startsWith("/o/") && document.querySelector(".order") !== null`)
	return js[string](p, `location.pathname.split("/")[2]`)
}

func (b *browserTest) ordersOf(buyer string) []orderJSON {
	b.t.Helper()
	r := b.must("GET", "/v1/orders", bearer(b.t, buyer, "buyer"), "")
	return decode[struct{ Items []orderJSON }](b.t, r).Items
}
