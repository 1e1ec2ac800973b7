//go:build !race

package app

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// addShown adds a screening with all that its page can show.
func (b *browserTest) addShown(posterURL string) string {
	b.t.Helper()
	now := b.clock.Now()
	body := fmt.Sprintf(`{"movie":"Metropolis <i>1927</i>","venue":"Lux","starts_at":%q,"price":{"amount":100,"currency":"CNY"},"capacity":9,
		"description":"A film.\nSilent, <b>with</b> a piano.","poster_url":%q,"map_url":"https://map.example/?q=Lux&z=1",
		"sale_opens_at":%q,"sale_closes_at":%q}`, now.Add(72*time.Hour).Format(time.RFC3339), posterURL,
		now.Add(-time.Hour).Format(time.RFC3339), now.Add(48*time.Hour).Format(time.RFC3339))
	r := b.must("POST", "/v1/screenings", bearer(b.t, "boss", "admin"), body)
	if r.status != http.StatusCreated {
		b.t.Fatalf("add a screening: %d %s", r.status, r.body)
	}
	return decode[screeningJSON](b.t, r).ID
}

// No test looked at what a screening's page says about it: its poster, description and map could have gone without a word. A poster
// that is not there leaves the letters of the title.
func TestPageShowsWhatAScreeningIs(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 30, 45))); err != nil {
		t.Fatal(err)
	}
	posters := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/poster.png" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write(picture.Bytes())
	}))
	t.Cleanup(posters.Close)
	b := newBrowser(t, chromedp.Flag("ignore-certificate-errors", true))
	p := b.open("/s/" + b.addShown(posters.URL+"/poster.png"))
	p.until("the poster is there", `(({src, complete, naturalWidth}) => complete && naturalWidth === 30 && src.endsWith("/poster.png"))(
		document.querySelector(".screening .poster img") ?? {})`)
	if said := p.text(".screening .description"); said != "A film.\nSilent, <b>with</b> a piano." {
		t.Errorf("the description says %q", said)
	}
	if title := p.text(".screening h1"); title != "Metropolis <i>1927</i>" {
		t.Errorf("the title is %q", title)
	}
	p.untilThere(`.facts a[href="https://map.example/?q=Lux&z=1"][target=_blank][rel~=noopener]`)
	if words := p.text(".facts a"); words != "Map" {
		t.Errorf("the link to the map says %q", words)
	}
	if !p.fits() {
		t.Error("it is wider than a phone")
	}
	if page := string(b.must("GET", js[string](p, `location.pathname`), "", "").body); !strings.Contains(page, posters.URL+"/poster.png") {
		t.Error("a shared link has no picture")
	}
	p.visit(b.shop + "/s/" + b.addShown(posters.URL+"/gone.png"))
	p.until("without a poster there are letters", `document.querySelector(".screening .poster img") === null &&
		document.querySelector(".screening .poster .letters").innerText === "M<"`)
	p.visit(b.shop + "/s/casablanca")
	p.until("and without a map no link", `document.querySelector(".screening .facts") !== null &&
		document.querySelector(".facts a:not([hidden])") === null && document.querySelector(".screening .description").innerText === ""`)
}

// On a phone what is to be paid, and until when, stays at the foot of the screen however far one has scrolled, and nothing lies
// over it or beneath it.
func TestPayBarStaysAtTheFootOfAPhone(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	p.do(chromedp.EmulateViewport(390, 480, chromedp.EmulateMobile))
	const isAtTheFoot = `(() => {
		const button = document.querySelector("%s"), bar = button.closest(".bottom-bar");
		const {top, bottom, left, right} = bar.getBoundingClientRect(), place = button.getBoundingClientRect();
		const over = document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2);
		return Math.abs(bottom - innerHeight) < 1 && top > innerHeight - 120 && left === 0 && right === document.documentElement.clientWidth &&
			button.contains(over) && place.width > 150 && place.height >= 44;
	})()`
	atBothEnds := func(button string) {
		t.Helper()
		p.untilThere(button)
		isThere := fmt.Sprintf(isAtTheFoot, button)
		p.until("the page is longer than the screen", `document.documentElement.scrollHeight > innerHeight + 50`)
		js[bool](p, `scrollTo({top: 0, behavior: "instant"}) === undefined`)
		p.until(button+" is at the foot", `scrollY === 0 && `+isThere)
		js[bool](p, `scrollTo({top: document.documentElement.scrollHeight, behavior: "instant"}) === undefined`)
		p.until(button+" is at the foot of what is scrolled, and hides no last line", `scrollY > 0 && `+isThere+` &&
			document.querySelector("footer").getBoundingClientRect().bottom <= 1 +
			document.querySelector("`+button+`").closest(".bottom-bar").getBoundingClientRect().top`)
	}
	atBothEnds(buyButton)
	p.buys()
	atBothEnds(payButton)
}
