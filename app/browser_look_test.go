//go:build !race

package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// scheme asks the page to be light or dark.
func (p page) scheme(name string) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return chromedp.Void{}, err
	})
}

// looks are the pages in every state that a buyer can see them in: how one gets there, and when one is.
type look struct {
	name, path string
	prepare    func(page)
	until      string
}

// addPastScreening adds a screening whose sale is over.
func (b *browserTest) addPastScreening(movie string) {
	b.t.Helper()
	b.addSale(movie, time.Now().Add(-48*time.Hour))
}

// addSale adds a screening that starts then, and whose sale ends with its start.
func (b *browserTest) addSale(movie string, starts time.Time) {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{
		"movie": movie, "venue": "Rex", "starts_at": starts.Format(time.RFC3339), "capacity": 1,
		"price":         map[string]any{"amount": 100, "currency": "CNY"},
		"sale_opens_at": time.Now().Add(-72 * time.Hour).Format(time.RFC3339), "sale_closes_at": starts.Format(time.RFC3339),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if r := b.must("POST", "/v1/screenings", bearer(b.t, "boss", "admin"), string(body)); r.status != http.StatusCreated {
		b.t.Fatalf("add a screening: %d %s", r.status, r.body)
	}
}

// addLooks fills an office with what there is to see, and lists it.
func (b *browserTest) addLooks() []look {
	b.t.Helper()
	b.addPastScreening("\u82b1\u6837\u5e74\u534e")
	b.mustBuy("bob", "metropolis", 2)
	b.mustBuy("carol", "metropolis", 1)
	open := b.mustBuy("alice", "casablanca", 2)
	paid := decode[orderJSON](b.t, b.buy("alice", "nosferatu", "second", 1))
	cancelled := decode[orderJSON](b.t, b.buy("alice", "casablanca", "third", 1))
	b.eventuallyStatus("alice", open.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(b.t, "alice", "buyer"), `{"order_id":"`+paid.ID+`"}`)
	b.must("POST", "/v1/orders/"+cancelled.ID+"/cancel", bearer(b.t, "alice", "buyer"), "")
	b.eventuallyStatus("alice", paid.ID, "paid")
	nothing := func(page) {}
	is := func(selector string) string { return `document.querySelector('` + selector + `') !== null` }
	order := func(status string) string {
		return is(`.order[data-status=`+status+`]`) + ` && document.title !== "boxoffice"`
	}
	looks := []look{
		{"home", "/?past=1", nothing, is(".event[data-state=closed]")},
		{"search", "/?q=casa", nothing, `document.querySelectorAll(".event").length === 1`},
		{"open", "/s/casablanca", nothing, is(".screening[data-state=open]")},
		{"soon", "/s/stalker", nothing, is(".screening[data-state=early]")},
		{"sold-out", "/s/metropolis", nothing, is(".screening[data-state=sold-out]")},
		{"missing", "/s/none", nothing, is("#main .empty")},
		{"signed-out", "/orders", nothing, is("#main .empty")},
		{"sign-in", "/s/casablanca", func(p page) { p.press(buyButton) }, is("#sign-in[open]")},
		{"orders", "/orders", func(p page) { p.signIn("alice") }, `document.querySelectorAll(".order-card").length === 4`},
		{"pending", "/o/" + open.ID, nothing, order("pending_payment") + ` && document.querySelector("` + payButton + `").disabled === false`},
		{"paid", "/o/" + paid.ID, nothing, order("paid")},
		{"cancelled", "/o/" + cancelled.ID, nothing, order("cancelled")},
		{"problems", "/problems#sold_out", nothing, is(".problem")},
	}
	return append(looks, b.addTicketLooks("alice", paid.ID)...)
}

// violations runs axe-core on a page, all of its rules or those, and tells what it finds.
func (p page) violations(axe string, rules ...string) string {
	p.t.Helper()
	if !js[bool](p, `window.axe !== undefined`) {
		js[bool](p, axe+"; true")
	}
	options := map[string]any{"resultTypes": []string{"violations"}}
	if len(rules) > 0 {
		options["runOnly"] = rules
	}
	chosen, err := json.Marshal(options)
	if err != nil {
		p.t.Fatal(err)
	}
	js[bool](p, `window.axeFound = null; axe.run(document, `+string(chosen)+`).then(
		({violations}) => { window.axeFound = JSON.stringify(violations.map(({id, help, nodes}) =>
			({id, help, where: nodes.map(({html, failureSummary}) => html + " " + failureSummary)})), null, 1); },
		(error) => { window.axeFound = String(error); }); true`)
	p.until("axe is done", `window.axeFound !== null`)
	return js[string](p, `window.axeFound`)
}

// languageIsOffered holds once the page's script has written its button of the other language.
const languageIsOffered = `document.getElementById("language")?.hidden === false`

// onDesk looks at a page with the width of a small laptop, and leaves it as it was. What there is to tell is in the language
// that the page is in, and only in light: dark differs by its colours alone, which are those of the phone.
func (b *browserTest) onDesk(p page, name, axe, pictures string) {
	b.t.Helper()
	p.scheme("light")
	p.do(chromedp.EmulateViewport(1280, 800))
	if found := p.violations(axe); found != "[]" {
		b.t.Errorf("%s on a desk: %s", name, found)
	}
	if !p.fits() {
		b.t.Errorf("%s is wider than a desk's screen", name)
	}
	if pictures != "" {
		p.picture(filepath.Join(pictures, name+"-desk.png"))
	}
	p.do(chromedp.EmulateViewport(b.width, 844, chromedp.EmulateMobile))
}

// Every page in every state, in both languages, light and dark, on a narrow phone and on a desk: nobody is kept out, and nothing
// sticks out.
// BOXOFFICE_TEST_SCREENSHOTS names a directory for pictures of all of them.
func TestPagesAreForEverybody(t *testing.T) {
	axe := axeSource(t)
	pictures := os.Getenv("BOXOFFICE_TEST_SCREENSHOTS")
	b := newBrowser(t)
	b.width = 360
	looks := b.addLooks()
	p := b.open("/")
	for _, language := range []string{"en", "zh"} {
		p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`")`)
		for _, look := range looks {
			p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.shop+look.path))
			look.prepare(p)
			for scheme, rules := range map[string][]string{"light": nil, "dark": {"color-contrast", "link-in-text-block"}} { // others see no colour
				name := strings.Join([]string{look.name, language, scheme}, "-")
				p.scheme(scheme)
				p.until(name, look.until)
				p.until("its script has run", languageIsOffered)
				if found := p.violations(axe, rules...); found != "[]" {
					t.Errorf("%s: %s", name, found)
				}
				if !p.fits() {
					t.Errorf("%s is wider than a phone", name)
				}
				if pictures != "" {
					p.picture(filepath.Join(pictures, name+".png"))
				}
			}
			b.onDesk(p, look.name+"-"+language, axe, pictures)
		}
		p.visit(b.shop)
		p.press("#sign-out")
		p.press("#language")
	}
}

func (p page) picture(path string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, testDeadline)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		p.t.Fatal(fmt.Errorf("keep picture: %w", err))
	}
}
