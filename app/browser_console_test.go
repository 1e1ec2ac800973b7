//go:build !race

package app

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"boxoffice/common/event"
)

// console opens the operators' console and signs in to it.
func (b *browserTest) console(operator string) page {
	b.t.Helper()
	p := b.blank()
	p.do(chromedp.Navigate(b.shop + "/admin"))
	p.operates(operator)
	return p
}

// operates answers the console's question who it is.
func (p page) operates(operator string) {
	p.t.Helper()
	p.untilThere("#who")
	p.do(chromedp.SendKeys("#who", operator+"\r"))
	p.until("signed in to the console", fmt.Sprintf(`document.getElementById("operator")?.innerText === %q`, operator))
}

// fill sets the value of a field, which is there by then.
func (p page) fill(selector, value string) {
	p.t.Helper()
	p.untilThere(selector)
	js[bool](p, fmt.Sprintf(`((field) => {
		field.value = %s;
		return field.dispatchEvent(new Event("input", {bubbles: true}));
	})(document.querySelector(%q))`, quoted(value), selector))
}

// pastes puts text where the cursor is.
func (p page) pastes(text string) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return chromedp.Void{}, err
	})
}

func quoted(value string) string {
	encoded, _ := json.Marshal(value) // of a string it cannot fail
	return string(encoded)
}

// pressNamed presses the button or link that has these words.
func (p page) pressNamed(root, words string) {
	p.t.Helper()
	p.clicksOn(words, fmt.Sprintf(
		`[...document.querySelectorAll(%q)].find((one) => one.innerText === %s && !one.disabled && one.getClientRects().length > 0)`,
		root+" :is(button, a)", quoted(words)), "center")
}

// confirms fills in the note of the dialog that is open, confirms by a double click, and waits until the act is done.
func (p page) confirms(note string) {
	p.t.Helper()
	p.fill("#ask-note", note)
	p.clicks("#ask button[type=submit]", 40*time.Millisecond)
	p.until("the act is done", `document.getElementById("ask") === null && document.getElementById("news").innerText.startsWith("Done: ")`)
}

// view goes to an address of the console.
func (p page) view(hash, until string) {
	p.t.Helper()
	js[string](p, fmt.Sprintf(`location.hash = %q`, hash))
	p.until("the view "+hash, until)
}

func headingIs(words string) string {
	return fmt.Sprintf(`document.querySelector("#main h1")?.innerText === %q`, words)
}

// actsOn lists what operators have done to something, by the API.
func (o *officeTest) actsOn(subject string) (acts []string) {
	o.t.Helper()
	r := o.must("GET", "/v1/admin/acts?subject="+subject, bearer(o.t, "boss", "admin"), "")
	for _, item := range decode[struct{ Items []struct{ Act string } }](o.t, r).Items {
		acts = append(acts, item.Act)
	}
	return acts
}

// localTime is a moment from now as a field of a form has it.
func (p page) localTime(after time.Duration) string {
	p.t.Helper()
	return js[string](p, fmt.Sprintf(`((at) => new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19))(
		new Date(Date.now() + %d))`, after.Milliseconds()))
}

// createScreening fills in the form of a new screening and sends it by a double click, which makes one.
func (p page) createScreening(title string) string {
	p.t.Helper()
	p.press("#add")
	for field, value := range map[string]string{
		"movie": title, "venue": "Rex", "starts_at": p.localTime(48 * time.Hour),
		"sale_opens_at": p.localTime(-time.Hour), "sale_closes_at": p.localTime(47 * time.Hour),
		"amount": "49.50", "currency": "CNY", "capacity": "10", "per_user_limit": "4", "description": "A film.\nSilent.", "note": "the autumn season",
	} {
		p.fill("#f-"+field, value)
	}
	p.clicks(".screening-form button[type=submit]", 40*time.Millisecond)
	p.until("the new screening is shown", headingIs(title)+` && document.querySelector(".figures-grid") !== null`)
	return js[string](p, `location.hash.split("/")[2]`)
}

// writesSlowly keeps each answer to a call that changes something back, so that the second half of a double click comes before
// it, and counts these calls.
func (p page) writesSlowly() {
	p.t.Helper()
	js[bool](p, `(() => {
		const send = window.fetch;
		window.writes = 0;
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (options.method && options.method !== "GET") {
				window.writes++;
				await new Promise((resolve) => setTimeout(resolve, 300));
			}
			return answer;
		};
		return true;
	})()`)
}

func TestConsoleRunsADay(t *testing.T) {
	b := newBrowser(t)
	p := b.console("Olga")
	p.writesSlowly()
	id := p.createScreening("Nosferatu again")
	if all := b.must("GET", "/v1/screenings?closed=false&limit=100", "", ""); strings.Count(string(all.body), "Nosferatu again") != 1 {
		t.Errorf("a double click made %d screenings", strings.Count(string(all.body), "Nosferatu again"))
	}
	p.until("at its price", `document.querySelector("#main").innerText.includes("CN\u00a549.50")`)

	p.pressNamed("#main", "Pause sale")
	p.confirms("a fire drill")
	p.until("paused", `document.querySelector("#main").dataset.state === "paused"`)
	if r := b.buy("bob", id, "paused", 1); !strings.Contains(string(r.body), "sale_paused") {
		t.Errorf("a purchase while it is paused: %d %s", r.status, r.body)
	}
	p.pressNamed("#main", "Resume sale")
	p.confirms("the drill is over")
	p.until("open again", `document.querySelector("#main").dataset.state === "open"`)
	p.pressNamed("#main", "Pause sale")
	p.pressNamed("#ask", "Do nothing")
	p.pressNamed("#main", "Change capacity")
	p.fill("#ask-capacity", "25")
	p.confirms("the balcony opens")
	p.until("25 are left", `document.querySelector("#main .note").innerText === "25 left" &&
		document.querySelector("#main").dataset.state === "open"`)

	order := b.mustBuy("alice", id, 2)
	b.eventuallyStatus("alice", order.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(t, "alice", "buyer"), `{"order_id":"`+order.ID+`"}`)
	b.eventuallyStatus("alice", order.ID, "paid")
	p.until("sold", `/Sold\s*2\b/.test(document.querySelector(".figures-grid").innerText)`)
	p.until("the curve is drawn", `document.querySelector("svg.curve")?.getAttribute("aria-label").includes("tickets reserved: 2, paid: 2")`)

	p.view("#/orders?buyer=alice", `document.querySelector(".row[data-id='`+order.ID+`']")?.innerText.includes("99.00 CNY")`)
	p.exports(order.ID)
	p.press(`.row[data-id="` + order.ID + `"] a`)
	p.until("the order is shown", `document.querySelector("#main").dataset.status === "paid" && document.querySelectorAll(".timeline li").length > 3`)
	p.press("#refund-part")
	p.fill("#ask-amount", "1000")
	p.fill("#ask-note", "a broken seat")
	p.clicks("#ask button[type=submit]")
	p.until("more than was paid is refused in words", `document.querySelector("#ask .result").innerText !== ""`)
	p.fill("#ask-amount", "10.50")
	p.confirms("a broken seat")
	p.until("the part is there", `document.querySelector("[data-refund]")?.innerText.includes("10.50 CNY")`)
	p.press("#cancel-order")
	p.confirms("asked by phone")
	p.until("cancelled, and the rest goes back", `document.querySelector("#main").dataset.status === "cancelled" &&
		[...document.querySelectorAll("[data-refund]")].some((one) => one.innerText.includes("88.50 CNY"))`)

	p.view("#/money", `document.querySelector("[data-currency=CNY]")?.innerText.includes("99.00 CNY") === true`)
	p.view("#/acts", `document.querySelector(".row[data-act=cancel]")?.innerText.includes("asked by phone") === true`)
	p.until("with what was changed", `/Capacity\s*10 \u2192 25/.test(document.querySelector(".row[data-act=screening_change]").innerText)`)
	p.view("#/trouble", `document.querySelectorAll(".row").length > 3`)

	p.view("#/screenings/"+id, headingIs("Nosferatu again"))
	p.pressNamed("#main", "Cancel screening")
	p.fill("#ask-note", "the print has burnt")
	p.fill("#ask-typed", "Nosferatu")
	p.clicks("#ask button[type=submit]")
	p.until("half a title does not do", `document.querySelector("#ask .result").innerText.startsWith("That is not")`)
	p.fill("#ask-typed", "Nosferatu again")
	p.confirms("the print has burnt")
	p.until("cancelled", `document.querySelector("#main").dataset.state === "cancelled"`)
	p.view("#/acts", `/Cancelled\s*no \u2192 yes/i.test(document.querySelector(".row[data-act=screening_cancel]")?.innerText)`)
	p.until("what was sold then stands by itself, as nothing has become of it",
		`/Reserved\s*0\s*Sold\s*\d+$/.test(document.querySelector(".row[data-act=screening_cancel] .changes").innerText.trim())`)
	if sent := js[int](p, `window.writes`); sent != 8 { // of which one refund was refused
		t.Errorf("the console sent %d acts, want 8: a double click is one", sent)
	}
	want := "screening_cancel screening_change screening_resume screening_pause screening_create"
	if got := strings.Join(b.actsOn(id), " "); got != want {
		t.Errorf("acts on the screening: %s, want each once: %s", got, want)
	}
	if got := strings.Join(b.actsOn(order.ID), " "); got != "cancel refund_part" {
		t.Errorf("acts on the order: %s", got)
	}
}

// Amounts are typed in major units and sent in minor ones, to the last digit, whatever the currency.
func TestConsoleCountsMoneyExactly(t *testing.T) {
	b := newBrowser(t)
	p := b.console("Olga")
	js[bool](p, `import("/web/admin_money_words.js").then((words) => { window.words = words; }), true`)
	p.until("the module is there", `window.words !== undefined`)
	for _, test := range []struct{ typed, currency, want string }{
		{"49.5", "CNY", "4950"}, {"49", "CNY", "4900"}, {"0.07", "CNY", "7"}, {"1.15", "CNY", "115"}, {"100", "JPY", "100"}, {"1.5", "KWD", "1500"},
		{"90071992547409.91", "CNY", "null"}, {"1.155", "CNY", "null"}, {"0", "CNY", "null"}, {"-1", "CNY", "null"}, {"1,5", "CNY", "null"},
		{"100.5", "JPY", "null"}, {"1e3", "CNY", "null"}, {"", "CNY", "null"},
	} {
		if got := js[string](p, fmt.Sprintf(`String(window.words.toMinor(%q, %q))`, test.typed, test.currency)); got != test.want {
			t.Errorf("%s %s is %s minor units, want %s", test.typed, test.currency, got, test.want)
		}
	}
	for amount, want := range map[string]string{
		`123456789012345, "CNY"`: "1,234,567,890,123.45 CNY", `7, "CNY"`: "0.07 CNY", `-1250, "CNY"`: "\u221212.50 CNY", `1234, "JPY"`: "1,234 JPY",
	} {
		if got := js[string](p, `window.words.separated(`+amount+`)`); got != want {
			t.Errorf("separated(%s) is %q, want %q", amount, got, want)
		}
	}
}

// An operator who typed 10000 forints sold at 100.00: the page took the digits of a currency from its browser, which knows
// forints without hundredths. What is typed, what a buyer reads, and what providers are asked for is one sum in any currency.
func TestPagesCountEachCurrencyAsProvidersDo(t *testing.T) {
	b := newBrowser(t)
	p := b.blank()
	p.do(chromedp.Navigate(b.shop))
	js[bool](p, `Promise.all([import("/web/admin_money_words.js"), import("/web/format.js")]).then(([words, format]) => {
		window.typed = words.toMinor; window.shown = format.money; }), true`)
	p.until("the modules are there", `window.shown !== undefined`)
	for currency, digits := range event.CurrencyDigits() {
		minor := int64(math.Pow10(digits))
		if got := js[int64](p, fmt.Sprintf(`window.typed("1", %q)`, currency)); got != minor {
			t.Errorf("1 %s is %d minor units, want %d", currency, got, minor)
		}
		shown := js[string](p, fmt.Sprintf(`window.shown({amount: %d, currency: %q}).replace(/[^0-9.]/g, "")`, minor, currency))
		if want := strconv.FormatFloat(1, 'f', digits, 64); strings.Trim(shown, ".") != want {
			t.Errorf("%d minor units of %s are shown as %s, want %s", minor, currency, shown, want)
		}
	}
}

// A payment that nobody ordered is sent back; its provider does not know it, so a person settles it, and everything is on record.
// One with its id, for another order, can be settled too: nobody could do anything about it, and it was in no view.
func TestConsoleSendsMoneyBack(t *testing.T) {
	b := newBrowser(t)
	if result := b.callback("unknown", "nobody", 1); result != "parked" {
		t.Fatalf("payment: %s, want parked", result)
	}
	p := b.console("Olga")
	p.view("#/money", `document.querySelector("[data-currency=CNY]") !== null`)
	p.pressNamed("#main", "Send back")
	p.confirms("nobody ordered")
	p.until("it is parked no more", `document.querySelector("#main").innerText.includes("No payment waits for its order.")`)
	p.until("the view says by itself that a person has to look",
		`document.querySelector("[data-refund=needs_attention]")?.innerText.includes("No order") === true`)
	p.pressNamed("[data-refund=needs_attention]", "Settle by hand")
	p.confirms("by bank transfer")
	p.until("nothing is to be done", `document.querySelector("#main").innerText.includes("No refund is like that.")`)
	p.view("#/acts", `document.querySelector(".row[data-act=settle_refund]")?.innerText.includes("by bank transfer") === true`)
	p.until("and the other act", `document.querySelector(".row[data-act=refund_parked]")?.innerText.includes("nobody ordered") === true`)
	if result := b.callback("unknown", "nobody-else", 1); result != "mismatch" {
		t.Fatalf("payment: %s, want mismatch", result)
	}
	p.view("#/money", `document.querySelector("#main").innerText.includes("nobody-else")`)
	p.pressNamed("#main", "Settle by hand")
	p.untilThere("#ask-note")
	p.pastes("it was never\ntaken") // as it stood in a mail: what was pasted so was refused
	if value := js[string](p, `document.getElementById("ask-note").value`); value != "it was never taken" {
		t.Errorf("a note of two lines is pasted as %q", value)
	}
	p.confirms("it was never taken")
	p.until("it is settled", `document.querySelector("#main").innerText.includes("No payment came with the id of another one.")`)
	p.view("#/acts", `document.querySelector(".row[data-act=settle_reused]")?.innerText.includes("it was never taken") === true`)
	js[string](p, `location.hash = "#/trouble"`)
	p.until("and all is well", `document.querySelector("#main .badge[data-kind=good]")?.innerText === "All is well"`)
}

// exports presses the button of the export and reads what the browser is given to save.
func (p page) exports(order string) {
	p.t.Helper()
	js[bool](p, `(() => {
		const make = URL.createObjectURL;
		URL.createObjectURL = (file) => { file.text().then((text) => { window.exported = text; }); return make(file); };
		return true;
	})()`)
	p.press("#export")
	p.until("the export is there", `window.exported !== undefined`)
	if csv := js[string](p, `window.exported`); !strings.Contains(csv, order+",") || !strings.Contains(csv, "screening_id") {
		p.t.Errorf("the export is %q", csv)
	}
}

// The console is for operators: whoever is not one is told so, and sees nothing else. What the shop is told stays there.
func TestConsoleIsForOperators(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	p.signIn("alice")
	p.do(chromedp.Navigate(b.shop + "/admin#/orders"))
	p.until("a buyer of the shop is asked who operates", headingIs("Operators' console")+` && document.getElementById("views").hidden`)
	js[bool](p, `(() => {
		const send = window.fetch;
		window.fetch = (path, options) =>
			send(path, path === "/v1/dev/tokens" ? {...options, body: options.body.replace("admin", "staff")} : options);
		return true;
	})()`)
	p.untilThere("#who")
	p.do(chromedp.SendKeys("#who", "sam\r"))
	p.until("staff are told", `document.querySelector("#main .result").innerText === "sam is no operator of this office, and cannot use this page."`)
	js[bool](p, `localStorage.setItem("operator-token", `+quoted(bearer(t, "alice", "buyer"))+`) === undefined`)
	p.do(chromedp.Reload())
	p.until("a buyer's token opens nothing", headingIs("For operators only")+` && document.getElementById("views").hidden &&
		document.querySelectorAll("#main a, #main button").length === 2`)
	p.pressNamed("#main", "Sign out")
	p.operates("Olga")
	p.until("an operator sees the orders", headingIs("Orders")+` && !document.getElementById("views").hidden`)
	p.visit(b.shop + "/")
	if name := p.text("#buyer"); name != "alice" {
		t.Errorf("in the shop it is %q now, want alice", name)
	}
	js[bool](p, `localStorage.setItem("operator-token", "expired") === undefined`)
	p.do(chromedp.Navigate(b.shop + "/admin#/money"))
	p.until("a token that is not valid any more is asked for again",
		`document.querySelector("#main .gate")?.innerText.includes("Your session has ended")`)
}
