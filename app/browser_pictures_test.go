//go:build !race

package app

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// picturesScene is a sale that goes well, twelve minutes after it has begun.
type picturesScene struct {
	sale, unpaid string // the screening, and an order of alice's that is to be paid
	paid         string // another order
}

// addSaleMoment sells most of a screening within twelve minutes, in the way that sales go: nearly all at once, then slower.
func (b *browserTest) addSaleMoment() (scene picturesScene) {
	b.t.Helper()
	now := b.clock.Now()
	starts := now.UTC().Truncate(24 * time.Hour).Add(4*24*time.Hour + 19*time.Hour + 30*time.Minute)
	body := fmt.Sprintf(`{"movie":"\u82b1\u6837\u5e74\u534e In the Mood for Love","venue":"Grand Cinema, hall 1","starts_at":%q,"capacity":400,
		"per_user_limit":4,"price":{"amount":6900,"currency":"CNY"},"sale_opens_at":%q,"sale_closes_at":%q,
		"description":"The restored print, with an introduction at half past seven.","note":"the spring season"}`,
		starts.Format(time.RFC3339), now.Format(time.RFC3339), starts.Format(time.RFC3339))
	scene.sale = decode[screeningJSON](b.t, b.must("POST", "/v1/screenings", bearer(b.t, "Olga", "admin"), body)).ID
	b.mustBuy("carol", "metropolis", 2)
	b.mustBuy("dave", "metropolis", 1)
	first := b.mustBuy("erin", scene.sale, 2) // while the broker's clock is the office's, so that its message is found
	b.eventuallyStatus("erin", first.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(b.t, "erin", "buyer"), `{"order_id":"`+first.ID+`"}`)
	b.eventuallyStatus("erin", first.ID, "paid")
	scene.paid = first.ID
	buyer := 0
	for _, orders := range []int{0, 9, 14, 12, 9, 8, 6, 6, 5, 4, 4, 3, 3, 2, 2, 2, 1, 2, 1, 1, 1, 0, 1, 1} {
		var all []orderJSON
		for range orders {
			buyer++
			all = append(all, b.mustBuy(fmt.Sprint("buyer-", buyer), scene.sale, 1+buyer%4))
		}
		for i, order := range all {
			name := fmt.Sprint("buyer-", buyer-orders+1+i)
			b.eventuallyStatus(name, order.ID, "pending_payment")
			if i%12 != 11 {
				b.must("POST", "/v1/dev/payments", bearer(b.t, name, "buyer"), `{"order_id":"`+order.ID+`"}`)
				b.eventuallyStatus(name, order.ID, "paid")
			}
		}
		b.clock.offset.Add(int64(30 * time.Second))
	}
	b.operate("PATCH", "/v1/screenings/"+scene.sale, `{"capacity":262,"note":"the balcony stays closed"}`, 200)
	scene.unpaid = b.mustBuy("alice", scene.sale, 2).ID
	b.eventuallyStatus("alice", scene.unpaid, "pending_payment")
	return scene
}

// shows makes a tab as wide and sharp as a picture, in a language and a scheme.
func (p page) shows(width, height int64, scale float64, language, scheme string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
	p.scheme(scheme)
	if js[bool](p, `!document.documentElement.lang.startsWith("`+language+`")`) {
		p.press("#language")
		p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`")`)
	}
}

// keep takes a picture, with a palette: true colors made it three times as large.
func (p page) keep(path string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, testDeadline)
	defer cancel()
	taken, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	shown, _, err := image.Decode(bytes.NewReader(taken))
	if err != nil {
		p.t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, paletted(shown)); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// TestPicturesOfTheDocs makes the pictures of docs/ in the directory that BOXOFFICE_TEST_SCREENSHOTS names, and is skipped
// without it: what they show is tested elsewhere.
func TestPicturesOfTheDocs(t *testing.T) {
	into := os.Getenv("BOXOFFICE_TEST_SCREENSHOTS")
	if into == "" {
		t.Skip("BOXOFFICE_TEST_SCREENSHOTS names no directory")
	}
	b := newBrowser(t)
	scene := b.addSaleMoment()
	const phone, tall, sharp = 360, 700, 1.5
	p := b.open("/")
	p.signIn("alice")
	take := func(name, path, until, language, scheme string, width, height int64, scale float64) {
		t.Helper()
		p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.shop+path))
		p.until(name, `document.querySelector("#main h1") !== null`)
		p.shows(width, height, scale, language, scheme)
		p.until(name, until)
		js[bool](p, `document.querySelector(".timeline")?.closest("section").scrollIntoView() === undefined`)
		p.keep(filepath.Join(into, name+".png"))
	}
	take("page-home", "/", `document.querySelectorAll(".event").length === 5`, "en", "light", phone, tall, sharp)
	take("page-screening", "/s/"+scene.sale, has(".screening[data-state=open]"), "en", "light", phone, tall, sharp)
	take("page-order", "/o/"+scene.unpaid, has(".order[data-status=pending_payment]")+` && !document.querySelector("`+payButton+`").disabled`,
		"en", "light", phone, tall, sharp)
	take("page-home-zh", "/", `document.querySelectorAll(".event").length === 5 &&
		/^[^A-Za-z]+\uff1a/.test(document.getElementById("waiting").innerText)`,
		"zh", "dark", phone, tall, sharp)

	b.callback("stray", "nobody", 1)
	order := b.mustBuy("frank", "nosferatu", 2)
	b.eventuallyStatus("frank", order.ID, "pending_payment")
	b.write("sqlite:"+filepath.Join(b.dir, "order.db"), `DELETE FROM orders WHERE id = ?`, order.ID)
	b.clock.offset.Add(int64(2 * time.Minute))
	js[bool](p, `localStorage.setItem("operator-token", `+quoted(bearer(t, "Olga", "admin"))+`) === undefined`)
	curve := has("svg.curve") + " && " + has(".figures-grid")
	take("console-screening", "/admin#/screenings/"+scene.sale, curve, "en", "light", 1200, 860, 1)
	take("console-order", "/admin#/orders/"+scene.paid, `document.querySelectorAll(".timeline li").length > 6`, "en", "light", 1200, 860, 1)
	take("console-screening-phone-zh", "/admin#/screenings/"+scene.sale, curve, "zh", "light", phone, tall, sharp)
	take("console-trouble-zh", "/admin#/trouble", has("#main .badge[data-kind=bad]")+` && document.querySelectorAll("#main .row").length > 4`,
		"zh", "dark", phone, tall, sharp)
}
