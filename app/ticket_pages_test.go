//go:build !race

package app

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/skip2/go-qrcode"

	"boxoffice/identity/identitytest"
)

// payInDemo buys tickets of the demo's first screening and has the simulator pay for them.
func (b *browserTest) payInDemo(buyer string, quantity int) orderJSON {
	b.t.Helper()
	order := b.mustBuy(buyer, "casablanca", quantity)
	b.eventuallyStatus(buyer, order.ID, "pending_payment")
	if r := b.must("POST", "/v1/dev/payments", bearer(b.t, buyer, "buyer"), fmt.Sprintf(`{"order_id":%q}`, order.ID)); r.status != http.StatusOK {
		b.t.Fatalf("pay: %d %s", r.status, r.body)
	}
	return order
}

func (p page) wantNoWiderThanAPhone() {
	p.t.Helper()
	if !p.fits() {
		p.t.Errorf("%s is wider than a phone", js[string](p, `location.pathname`))
	}
}

// openDoor signs a member of the staff in at the door of the demo's first screening.
func (b *browserTest) openDoor() page {
	b.t.Helper()
	p := b.open("/")
	p.do(chromedp.Navigate(b.shop + "/check-in#casablanca"))
	p.until("somebody can sign in", `document.getElementById("who") !== null`)
	p.do(chromedp.SendKeys("#who", "sam\r"))
	p.until("the door is open", `!document.getElementById("door").hidden && document.getElementById("screening").value === "casablanca"`)
	return p
}

// answered waits for an answer of this kind at the door, and returns what it says.
func (p page) answered(kind string) string {
	p.t.Helper()
	p.until("the door says "+kind, fmt.Sprintf(`(({open, dataset}) => open && dataset.kind === %q)(document.getElementById("answer"))`, kind))
	return p.text("#answer")
}

// goOn taps the answer away.
func (p page) goOn() {
	p.t.Helper()
	js[bool](p, `(document.getElementById("answer-close").click(), true)`) // a green one may have gone by itself
	p.until("the answer is gone", `!document.getElementById("answer").open`)
}

// A buyer sees one card per seat, each with a code, and what becomes of them.
func TestTicketsPageShowsTheCards(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 2)
	p := b.open("/")
	p.do(chromedp.Navigate(b.shop + "/tickets#" + order.ID))
	p.until("it asks to sign in", `document.getElementById("message").innerText.includes("Sign in")`)
	p.visit(b.shop)
	p.signIn("alice")
	p.do(chromedp.Navigate(b.shop + "/tickets#" + order.ID))
	p.until("two valid cards with drawn codes", `document.querySelectorAll(".ticket[data-state=valid]").length === 2 &&
		[...document.querySelectorAll(".ticket img")].every((image) => image.complete && image.naturalWidth === 320)`)
	for _, want := range []string{"Casablanca", "Rex, hall 1", "Ticket 2 of 2", "Valid"} {
		if text := p.text("main"); !strings.Contains(text, want) {
			t.Errorf("the cards say\n%s\nwithout %q", text, want)
		}
	}
	p.wantNoWiderThanAPhone()
	if r := b.checkIn("casablanca", b.tickets("alice", order.ID)[0].Code, "k"); r.status != http.StatusOK {
		t.Fatalf("check in: %d %s", r.status, r.body)
	}
	p.until("one was used", `[...document.querySelectorAll(".ticket[data-state=used]")].map((card) => card.innerText.includes("Used")).join() ===
		"true"`)
	js[bool](p, `(localStorage.setItem("language", "zh"), location.reload(), true)`)
	p.until("in Chinese", `document.title.includes("\u7535\u5b50\u7968") && document.querySelector("main").innerText.includes("\u7b2c 2 \u5f20")`)
}

// Whoever is signed in by a cookie has no token to send, and sees the tickets all the same.
func TestTicketsPageWithACookie(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 1)
	p := b.blank()
	p.before(fmt.Sprintf(`(() => {
		localStorage.setItem("session", "cookie:alice");
		const send = window.fetch;
		window.fetch = async (path, options) => {
			if (!path.includes("/tickets")) return send(path, options);
			window.sent = options.headers.Authorization ?? "none";
			return send(path, {...options, headers: {Authorization: "Bearer %s"}}); // as the cookie would
		};
	})()`, bearer(t, "alice", "buyer")))
	p.do(chromedp.Navigate(b.shop + "/tickets#" + order.ID))
	p.until("the card is there", `document.querySelectorAll(".ticket[data-state=valid]").length === 1`)
	if sent := js[string](p, `window.sent`); sent != "none" {
		t.Errorf("the page sent %q", sent)
	}
}

// Alice leaves her tickets open in one tab and signs out in another; Mallory signs in at the same browser. What was shown to
// Alice is not shown to her, neither at once nor by an answer that comes late or a page that is gone back to.
func TestTicketsPageForgetsThePersonBefore(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 1)
	p := b.open("/")
	p.signIn("alice")
	p.do(chromedp.Navigate(b.shop + "/tickets#" + order.ID))
	p.until("a card", `document.querySelectorAll(".ticket img.qr").length === 1`)
	const isBare = `document.querySelectorAll(".ticket").length === 0 && document.getElementById("print").hidden && `
	shop := b.open("/")
	shop.clicks("#sign-out")
	p.until("the card is gone", isBare+`document.getElementById("message").innerText.includes("Sign in")`)

	shop.signIn("alice")
	p.until("a card again", `document.querySelectorAll(".ticket").length === 1`)
	js[bool](p, `(() => {
		const send = window.fetch;
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (!window.held && path.includes("/tickets?")) await new Promise((go) => { window.held = go; });
			window.late = (window.late ?? 0) + 1;
			return answer;
		};
		location.hash += "%20"; // another order, and hers again: what was shown is asked for anew
		location.hash = location.hash.replace("%20", "");
		return true;
	})()`)
	p.until("an answer is on its way", `window.held !== undefined`)
	shop.clicks("#sign-out")
	shop.signIn("mallory")
	p.until("mallory is told", isBare+`document.getElementById("message").innerText.includes("no such order")`)
	js[bool](p, `(window.late = 0, window.held(), true)`)
	p.until("the late answer has come", `window.late > 0`)
	p.tell("settled", `new Promise((done) => setTimeout(done, 300, "yes"))`, "yes")
	if !js[bool](p, isBare+"true") {
		t.Error("a late answer shows mallory alice's ticket")
	}

	js[bool](p, `(document.getElementById("tickets").append(Object.assign(document.createElement("article"), {className: "ticket"})),
		window.dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})))`)
	p.until("a page that is gone back to begins anew", isBare+"true")
}

// Whoever stands at a door types a code, and is told in green or red, also when the first answer is lost.
func TestCheckInPageTakesTypedCodes(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 2)
	tickets := b.tickets("alice", order.ID)
	p := b.openDoor()
	p.wantNoWiderThanAPhone()
	js[bool](p, `(() => {
		const send = window.fetch;
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (path !== "/v1/checkins") return answer;
			window.fetch = send;
			throw new TypeError("connection lost");
		};
		return true;
	})()`)
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	if said := p.answered("good"); !strings.Contains(said, "Ticket 1 of 2") || !strings.Contains(said, "Casablanca") {
		t.Errorf("a good code: %s", said)
	}
	p.goOn()
	p.until("it is counted", `document.getElementById("inside").innerText.startsWith("1 of 2")`)
	for code, want := range map[string]string{tickets[0].Code: "Used already", "x" + tickets[1].Code[1:]: "Not a valid ticket"} {
		p.do(chromedp.SendKeys("#code", code+"\r"))
		if said := p.answered("bad"); !strings.Contains(said, want) {
			t.Errorf("a bad code: %s, want %q", said, want)
		}
		p.goOn()
	}
	js[bool](p, `(document.getElementById("screening").value = "metropolis", true)`)
	p.do(chromedp.SendKeys("#code", tickets[1].Code+"\r"))
	if said := p.answered("bad"); !strings.Contains(said, "For another screening") {
		t.Errorf("a code of another screening: %s", said)
	}
}

// A member of the staff has signed in at the identity provider, and has no token to paste. The door opens by the cookie, lets
// a guest in, and is closed again, also for the next one at this browser, when that member leaves.
func TestCheckInPageWithACookie(t *testing.T) {
	b := newBrowser(t)
	provider := identitytest.Run(t, time.Now)
	o := &officeTest{home: newHome(t), t: t, clock: &testClock{}}
	o.env = o.environment()
	o.env["BOXOFFICE_OIDC_ISSUER"] = provider.Issuer()
	o.env["BOXOFFICE_OIDC_CLIENT_ID"], o.env["BOXOFFICE_OIDC_CLIENT_SECRET"] = provider.ClientID, provider.ClientSecret
	o.addTickets()
	o.start()
	screening := o.addScreening(10, 0)
	order := o.mustPay("alice", screening, 1)
	p := b.blank()
	p.do(chromedp.Navigate(o.shop + "/check-in#" + screening))
	p.until("it offers the provider", `!document.getElementById("provider").hidden && document.getElementById("door").hidden`)

	const isOpen = `!document.getElementById("door").hidden`
	provider.QueueUser(identitytest.Person{Subject: "bob"})
	js[bool](p, `(window.before = true)`) // the same page is shown before the sign-in and after it
	p.clicks("#provider")
	p.until("a buyer is asked for a token", `!window.before && location.pathname === "/check-in" &&
		!document.getElementById("provider").hidden && !(`+isOpen+`)`)
	p.tell("out", `fetch("/sign-out", {method: "POST"}).then((r) => r.status)`, "204")
	provider.QueueUser(identitytest.Person{Subject: "sam", Said: map[string]any{"roles": []string{"staff"}}})
	p.clicks("#provider")
	p.until("the door is open", isOpen)
	p.do(chromedp.Navigate(o.shop + "/check-in#" + screening))
	p.do(chromedp.Reload())
	p.until("the door of the screening is open", isOpen+fmt.Sprintf(` && document.getElementById("screening").value === %q`, screening))
	p.do(chromedp.SendKeys("#code", o.tickets("alice", order.ID)[0].Code+"\r"))
	if said := p.answered("good"); !strings.Contains(said, "Ticket 1 of 1") {
		t.Errorf("a good code: %s", said)
	}
	p.until("it is counted", `document.getElementById("inside").innerText.startsWith("1 of 1")`)
	p.goOn()
	p.clicks("#leave")
	p.until("the door is closed", `!document.getElementById("provider").hidden && !(`+isOpen+`)`)
	p.tell("gone", `fetch("/v1/me").then((r) => r.status)`, "401")
}

// A member of the staff opens a door without saying for which screening. Nothing begins soon: no code is checked before one is
// chosen. One begins soon: it is chosen already.
func TestCheckInPageKnowsItsScreening(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 1)
	code := b.tickets("alice", order.ID)[0].Code
	p := b.openDoor()
	p.do(chromedp.Navigate(b.shop+"/problems"), chromedp.Navigate(b.shop+"/check-in"))
	p.until("the door offers screenings", `document.getElementById("screening").length > 2`)
	p.do(chromedp.SendKeys("#code", code+"\r"))
	p.until("it asks which", `document.getElementById("message").innerText.includes("Choose the screening")`)
	if js[bool](p, `document.getElementById("answer").open`) || b.tickets("alice", order.ID)[0].State != "valid" {
		t.Error("a code was checked before a screening was chosen")
	}
	choose := func(value string) {
		js[bool](p, fmt.Sprintf(`(({value}) => document.getElementById("screening").dispatchEvent(new Event("change")))(
			Object.assign(document.getElementById("screening"), {value: %q}))`, value))
	}
	choose("*")
	p.do(chromedp.SendKeys("#code", "\r"))
	if said := p.answered("bad"); !strings.Contains(said, "Too early") {
		t.Errorf("a ticket of another day: %s", said)
	}
	p.goOn()
	choose("casablanca")
	p.do(chromedp.SendKeys("#code", code+"\r"))
	p.answered("good")

	b.addSale("Tonight", b.clock.Now().Add(time.Hour))
	p.do(chromedp.Navigate(b.shop+"/problems"), chromedp.Navigate(b.shop+"/check-in"))
	p.until("tonight's is chosen", `document.getElementById("screening").selectedOptions[0]?.innerText.includes("Tonight")`)
}

// A guest is let in, but every answer is lost on the way to the door; the guest holds up the code again. It is the same
// check-in, so the door opens. An answer that makes no sense does not stop the door either.
func TestCheckInPageAsksAgainAfterALostAnswer(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 2)
	tickets := b.tickets("alice", order.ID)
	p := b.openDoor()
	js[bool](p, `(() => {
		const send = window.fetch;
		window.lose = () => { throw new TypeError("connection lost"); };
		// Between the tries; a green answer is left its time, or it is gone before a busy machine has seen it.
		window.setTimeout = ((wait) => (call, ms) => wait(call, window.lose ? Math.min(ms, 50) : ms))(window.setTimeout);
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			return path === "/v1/checkins" && window.lose ? window.lose() : answer;
		};
		return true;
	})()`)
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	if said := p.answered("bad"); !strings.Contains(said, "No answer") {
		t.Errorf("without an answer: %s", said)
	}
	if state := b.tickets("alice", order.ID)[0].State; state != "used" {
		t.Fatalf("the ticket is %s", state)
	}
	p.goOn()
	js[bool](p, `(window.lose = () => new Response("null"), true)`)
	p.do(chromedp.SendKeys("#code", tickets[1].Code+"\r"))
	if said := p.answered("bad"); !strings.Contains(said, "No answer") {
		t.Errorf("an answer without sense: %s", said)
	}
	p.goOn()
	for i, ticket := range tickets {
		js[bool](p, `(window.lose = undefined, true)`)
		p.do(chromedp.SendKeys("#code", ticket.Code+"\r"))
		if said := p.answered("good"); !strings.Contains(said, fmt.Sprintf("Ticket %d of 2", i+1)) {
			t.Errorf("the guest once more: %s", said)
		}
		js[bool](p, `(document.getElementById("answer-close").click(), true)`)
		p.until("the answer is gone", `!document.getElementById("answer").open`)
	}
	p.do(chromedp.SendKeys("#code", tickets[0].Code+"\r"))
	if said := p.answered("bad"); !strings.Contains(said, "Used already") {
		t.Errorf("the code of somebody who is in: %s", said)
	}
}

// A door is offered what begins today or later, also when its sale is over; the past is walked through once.
func TestCheckInPageListsWhatIsToCome(t *testing.T) {
	b := newBrowser(t)
	now := b.clock.Now()
	add := func(movie string, starts time.Time) {
		t.Helper()
		body := fmt.Sprintf(`{"movie":%q,"venue":"Rex","starts_at":%q,"price":{"amount":100,"currency":"CNY"},"capacity":1,
			"sale_opens_at":%q,"sale_closes_at":%q}`, movie, starts.Format(time.RFC3339),
			now.Add(-1000*time.Hour).Format(time.RFC3339), now.Add(-time.Hour).Format(time.RFC3339))
		if r := b.must("POST", "/v1/screenings", bearer(t, "boss", "admin"), body); r.status != http.StatusCreated {
			t.Fatalf("add a screening: %d %s", r.status, r.body)
		}
	}
	for i := range 205 {
		add("Over", now.Add(-time.Duration(200+i)*time.Hour))
	}
	add("Tonight", now.Add(time.Hour))
	add("Tomorrow", now.Add(20*time.Hour))
	p := b.openDoor()
	for range 2 {
		p.until("tonight's is first, nothing that is over is there",
			`(([choose, any, tonight, ...others]) => tonight?.innerText.includes("Tonight") &&
			others.length === 5 && !others.some((o) => o.innerText.includes("Over")))(document.getElementById("screening").options)`)
		p.do(chromedp.Reload())
	}
	p.until("it is asked for tonight's page of the past alone", `performance.getEntriesByType("resource").filter(({name}) =>
		name.includes("closed=true")).length === 1 && document.getElementById("screening").length === 8`)
}

// filmOf is a film of one picture, in a format that Chromium takes for a camera: a QR code before a grey wall.
func filmOf(t *testing.T, code string) []byte {
	t.Helper()
	const width, height = 640, 480
	drawn, err := qrcode.New(code, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	cells := drawn.Bitmap()
	picture := bytes.Repeat([]byte{120}, width*height)
	scale := 400 / len(cells)
	for y := range scale * len(cells) {
		for x := range scale * len(cells) {
			light := byte(230)
			if cells[y/scale][x/scale] {
				light = 30
			}
			picture[(y+30)*width+x+100] = light
		}
	}
	film := []byte(fmt.Sprintf("YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n", width, height))
	for range 3 {
		film = append(append(append(film, "FRAME\n"...), picture...), bytes.Repeat([]byte{128}, width*height/2)...)
	}
	return film
}

// The camera reads the code of a ticket, once, however long it is held before it.
func TestCheckInPageReadsTheCamera(t *testing.T) {
	film := filepath.Join(t.TempDir(), "camera.y4m")
	b := newBrowser(t, chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-video-capture", film))
	order := b.payInDemo("alice", 1)
	if err := os.WriteFile(film, filmOf(t, b.tickets("alice", order.ID)[0].Code), 0o600); err != nil {
		t.Fatal(err)
	}
	p := b.openDoor()
	p.clicks("#camera")
	if said := p.answered("good"); !strings.Contains(said, "Ticket 1 of 1") {
		t.Errorf("the camera's code: %s", said)
	}
	p.until("the green answer goes", `!document.getElementById("answer").open`)
	p.until("it is counted", `document.getElementById("inside").innerText.startsWith("1 of 1")`)
	p.clicks("#camera")
	p.until("the camera is off", `document.getElementById("video").hidden`)
	if js[bool](p, `document.getElementById("answer").open`) {
		t.Error("a code that stayed before the camera was checked again")
	}
}
