//go:build !race

package app

import (
	"context"
	"net/http"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// printed counts the sheets that a page is printed on, of that many inches.
func (p page) printed(width, height float64) (sheets int) {
	p.t.Helper()
	var printed []byte
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		answer, err := cdp.Call(ctx, t, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PaperWidth: width, PaperHeight: height})
		printed = answer.Data
		return chromedp.Void{}, err
	})
	return len(regexp.MustCompile(`/Type\s*/Page\b[^s]`).FindAll(printed, -1))
}

// Three friends share a printer, or a PDF as wide as a phone: each ticket has a sheet of its own, whole, and one that has let
// somebody in, or was returned, has none. It is the last on the page too. A code that had hyphens where lines ended early was a
// line longer, and its ticket did not fit on a sheet as small as a phone.
func TestTicketsArePrintedOnASheetEach(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 3)
	p := b.open("/")
	p.signIn("alice")
	p.do(chromedp.Navigate(b.shop + "/tickets#" + order.ID))
	p.until("three cards", `document.querySelectorAll(".ticket[data-state=valid] img").length === 3`)
	sizes := map[string][2]float64{"A4": {8.27, 11.69}, "letter": {8.5, 11}, "phone": {4.13, 5.83}}
	want := func(sheets int) {
		t.Helper()
		for name, size := range sizes {
			if got := p.printed(size[0], size[1]); got != sheets {
				t.Errorf("%s: %d sheets, want %d", name, got, sheets)
			}
		}
	}
	want(3)
	js[bool](p, `(() => {
		for (const code of document.querySelectorAll(".ticket .id")) {
			code.textContent = code.textContent.replaceAll("-", "_").replace(/^(.{5})./, "$1-").replace(/^(.{60})./, "$1-");
		}
		return true;
	})()`)
	want(3)
	if r := b.checkIn("casablanca", b.tickets("alice", order.ID)[0].Code, "k"); r.status != http.StatusOK {
		t.Fatalf("check in: %d %s", r.status, r.body)
	}
	p.until("the used one is the last", `[...document.querySelectorAll(".ticket")].sort((a, b) => a.getBoundingClientRect().top -
		b.getBoundingClientRect().top).map(({dataset}) => dataset.state).join() === "valid,valid,used"`)
	want(2)
}
