//go:build !race

package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// After a hundred sales that were over the page showed nothing else.
func TestPageShowsWhatIsOnSale(t *testing.T) {
	b := newBrowser(t)
	for n := range 105 {
		b.addPastScreening(fmt.Sprint("Past ", n))
		b.addSale(fmt.Sprint("Movie ", n), time.Now().Add(48*time.Hour))
	}
	p := b.open("/")
	p.until("a page of what is on sale", `document.querySelectorAll(".event").length === 100`)
	p.until("and none that is over", `document.querySelector(".event[data-state=closed]") === null`)
	p.press("#main > button.wide")
	p.until("the rest", `document.querySelectorAll(".event").length === 109`)
	p.do(chromedp.SendKeys("#search", "movie 10"))
	p.until("what is searched", `document.querySelectorAll(".event").length === 6 && location.search === "?q=movie+10"`)
	p.do(chromedp.Reload())
	p.until("a reload keeps it, and looks beyond the first page", `document.querySelectorAll(".event").length === 6 &&
		document.querySelector("#main > p").innerText === "6 found"`)
	js[string](p, `document.getElementById("search").value = ""`)
	p.do(chromedp.SendKeys("#search", "past 3"))
	p.press(".switch")
	p.until("what is over, when asked for", `document.querySelectorAll(".event[data-state=closed]").length === 11`)
}

// The button of the browser goes back to where one was, and forward again.
func TestPageGoesBack(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	p.press(".event[data-id=stalker] a")
	p.until("the screening", `document.querySelector("h1").innerText === "Stalker" && document.title === "Stalker"`)
	p.do(chromedp.NavigateBack())
	p.until("the list", `location.pathname === "/" && document.querySelectorAll(".event").length === 4`)
	p.do(chromedp.NavigateForward())
	p.until("the screening again", `document.querySelector("h1").innerText === "Stalker"`)
	p.do(chromedp.Reload())
	p.until("and after a reload", `document.querySelector("h1")?.innerText === "Stalker"`)
}

// The switch of the language is kept, in this tab and for the server.
func TestPageKeepsTheLanguage(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	p.press("#language")
	p.until("in Chinese at once", `document.querySelector("h1").innerText === "\u8d2d\u7968" && document.documentElement.lang === "zh-CN"`)
	p.visit(b.shop + "/orders")
	p.until("and on the next page", `document.title === "\u6211\u7684\u8ba2\u5355"`)
	p.do(chromedp.Navigate(b.shop + "/problems"))
	p.until("and where the server writes", `document.querySelector("h1").innerText === "\u9519\u8bef\u4ee3\u7801"`)
	p.press("#language")
	p.until("in English", `document.querySelector("h1").innerText === "Problems"`)
}

// Who cannot use a mouse buys by keyboard alone.
func TestPageByKeyboard(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.untilThere(buyButton)
	focused := func(selector string) bool {
		return js[bool](p, fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
	}
	tabTo := func(selector string) {
		t.Helper()
		for range 20 {
			p.do(chromedp.KeyEvent("\t"))
			if focused(selector) {
				return
			}
		}
		t.Fatalf("%s is not reached", selector)
	}
	tabTo(".quantity input")
	p.do(chromedp.KeyEvent(kb.ArrowDown))
	p.until("two are chosen", `document.querySelector(".quantity input:checked").value === "2"`)
	tabTo(buyButton)
	p.do(chromedp.KeyEvent("\r"))
	p.until("the dialog has the focus", `document.activeElement.closest("#sign-in") !== null`)
	for !focused("#who") {
		p.do(chromedp.KeyEvent("\t"))
	}
	p.do(chromedp.KeyEvent("alice\r"))
	p.atOrder()
	p.until("the heading is read", `document.activeElement === document.querySelector("h1")`)
	tabTo(payButton)
}
