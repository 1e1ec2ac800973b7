//go:build !race

package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// everyFinding makes the console of a tab find everything that the server can find, and every order's timeline tell everything
// that it can tell: each code that the page has words for, with values of every kind.
func (p page) everyFinding() {
	p.t.Helper()
	p.before(`(() => {
		const send = window.fetch;
		const texts = async () => (await import("/web/catalogues.js")).catalogues.en;
		const codes = (catalogue, group) => Object.keys(catalogue).filter((key) => key.startsWith(group + "."))
			.map((key) => key.slice(group.length + 1));
		const one = {amount: {amount: 4900, currency: "CNY"}, age: {milliseconds: 93784000}, count: 2, most: 100,
			state: {kind: "order_status", value: "PAID"}, result: {kind: "payment_result", value: "parked"},
			reason: {kind: "refund_reason", value: "no_order"}, act: {kind: "act", value: "cancel"},
			provider: {kind: "provider", value: "webhook"}, error: {kind: "error", value: "connection refused by peer"}};
		for (const name of ["at", "until", "before"]) one[name] = {time: "2026-12-01T12:00:00.000Z"};
		const sentence = (catalogue, code) => ({code, values: Object.fromEntries([...catalogue["said." + code].matchAll(/\{(\w+)\}/g)].map(
			([, name]) => [name, one[name] ?? "x7"]))});
		const dealt = (all, places) => Array.from({length: places}, (_, place) => all.filter((_, n) => n % places === place));
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (!window.everything || !answer.ok) return answer;
			const catalogue = await texts();
			const said = codes(catalogue, "said").map((code) => sentence(catalogue, code));
			if (String(path).includes("/v1/admin/findings")) {
				const kinds = codes(catalogue, "finding"), parts = dealt(said, kinds.length);
				return new Response(JSON.stringify({at: one.at.time, healthy: false, complete: false, total: 99,
					counts: Object.fromEntries(kinds.map((kind) => [kind, 2])),
					findings: kinds.map((kind, n) => ({kind, id: "id-" + n, detail: "a detail in English", said: parts[n],
						remedy: n % 2 ? null : "mend it", remedy_said: n % 2 ? null : {code: "publish_again", values: {}}})),
					notes: ["refund_due", "reused_payment_id"].map((kind) =>
						({kind, payment_id: "pay-1", order_id: "o-1", amount: 1, currency: "CNY", since: one.at.time}))}));
			}
			if (String(path).endsWith("/timeline")) {
				const whats = codes(catalogue, "event"), parts = dealt(said, whats.length);
				return new Response(JSON.stringify({id: "o-1", message: "queue_away", entries: whats.map((what, n) =>
					({at: one.at.time, what, detail: "a detail in English", said: parts[n], source: "order", process: null,
						planned: n % 2 === 1}))}));
			}
			if (String(path).includes("/v1/admin/dead-letters")) {
				return new Response(JSON.stringify({next_cursor: null, items: [
					{kind: "dead_letter", group: "boxoffice-order-create", count: 2, letters: ["it is no JSON at all", null].map((problem, n) =>
						({message_id: "7F00-" + n, topic: "stock-reserved", key: "k", stored_at: one.at.time, order_ids: ["o-1"], problem}))},
					{kind: "exhausted_half", group: null, count: 1, letters: []}]}));
			}
			return answer;
		};
	})()`)
}

// english finds what a page says in several words of Latin letters, but for ids and what it quotes.
func (p page) english() string {
	p.t.Helper()
	return js[string](p, `(() => {
		const found = [], walk = document.createTreeWalker(document.querySelector("#main"), NodeFilter.SHOW_TEXT);
		const all = [...document.querySelectorAll("dialog")].map((dialog) => dialog.innerText);
		while (walk.nextNode()) if (!walk.currentNode.parentElement.closest("q, code")) all.push(walk.currentNode.data);
		for (const text of all) if (/[A-Za-z]{2,} +[a-z]{2,}/.test(text.replace(/boxoffice archive|Open air/g, ""))) found.push(text);
		return found.join(" | ");
	})()`)
}

// Every view of the console, in both languages, light and dark, on a narrow phone and on a desk: nobody is kept out, nothing
// sticks out, and a Chinese console says nothing in English.
func TestConsoleIsForEverybody(t *testing.T) {
	axe := axeSource(t)
	pictures := os.Getenv("BOXOFFICE_TEST_SCREENSHOTS")
	b := newBrowser(t)
	b.width = 360
	looks := b.addConsoleLooks()
	p := b.blank()
	p.everyFinding()
	for _, language := range []string{"en", "zh"} {
		for _, look := range looks {
			p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.shop+"/admin"+look.path))
			p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`")`)
			p.until(look.name, look.until)
			look.prepare(p)
			p.until("its script has run", languageIsOffered)
			if said := p.english(); said != "" && language == "zh" {
				t.Errorf("%s says in English: %s", look.name, said)
			}
			for scheme, rules := range map[string][]string{"light": nil, "dark": {"color-contrast", "link-in-text-block"}} { // others see no colour
				name := strings.Join([]string{"console", look.name, language, scheme}, "-")
				p.scheme(scheme)
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
			b.onDesk(p, "console-"+look.name+"-"+language, axe, pictures)
		}
		p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.shop+"/admin"))
		p.press("#language")
	}
}

// addConsoleLooks fills an office with what operators see, and lists the views: each with how one gets there. The first ones
// are of whoever is not signed in yet, or is no operator.
func (b *browserTest) addConsoleLooks() []look {
	b.t.Helper()
	b.addPastScreening("\u82b1\u6837\u5e74\u534e")
	order := b.mustBuy("alice", "casablanca", 2)
	b.eventuallyStatus("alice", order.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(b.t, "alice", "buyer"), `{"order_id":"`+order.ID+`"}`)
	b.eventuallyStatus("alice", order.ID, "paid")
	b.mustBuy("bob", "casablanca", 1)
	b.operate("PATCH", "/v1/screenings/casablanca", `{"capacity":40,"late_payment":"revive","note":"balcony"}`, 200)
	b.operate("PATCH", "/v1/screenings/metropolis", `{"paused":true,"note":"drill"}`, 200)
	cancelled := b.mustBuy("carol", "nosferatu", 1)
	b.eventuallyStatus("carol", cancelled.ID, "pending_payment")
	b.must("POST", "/v1/dev/payments", bearer(b.t, "carol", "buyer"), `{"order_id":"`+cancelled.ID+`"}`)
	b.eventuallyStatus("carol", cancelled.ID, "paid")
	b.operate("POST", "/v1/admin/orders/"+cancelled.ID+"/cancel", `{"note":"phone"}`, 200)
	b.operate("POST", "/v1/admin/screenings/stalker/cancel", `{"note":"burnt"}`, 202)
	b.callback("unknown", "nobody", 1)
	b.callback("second", order.ID, 1)
	b.eventually("a person has to look at a refund", func() bool {
		return strings.Contains(string(b.must("GET", "/v1/admin/refunds", bearer(b.t, "boss", "admin"), "").body), "needs_attention")
	})
	return append(b.gateLooks(), b.operatorLooks(order.ID, cancelled.ID)...)
}

func has(selector string) string { return `document.querySelector('` + selector + `') !== null` }

// gateLooks are the views of whoever is not signed in, and of whoever is no operator; the last one signs an operator in.
func (b *browserTest) gateLooks() []look {
	token := func(role string) string {
		if role == "" {
			return `localStorage.removeItem("operator-token") === undefined`
		}
		return `localStorage.setItem("operator-token", ` + quoted(bearer(b.t, "olga", role)) + `) === undefined`
	}
	as := func(role, until string) func(page) {
		return func(p page) {
			js[bool](p, token(role))
			p.do(chromedp.Reload())
			p.until("as "+role, until)
		}
	}
	any := `document.querySelector("#main h1") !== null`
	return []look{
		{"sign-in", "", as("", has(".gate #who")), any},
		{"forbidden", "#/orders", as("staff", has("#main .empty")), any},
		{"signed-in", "#/screenings", as("admin", has(".row[data-id=casablanca]")), any},
	}
}

func (b *browserTest) operatorLooks(order, cancelled string) []look {
	nothing := func(page) {}
	everything := func(again, until string) func(page) {
		return func(p page) {
			js[bool](p, `window.everything = true`)
			p.press(again)
			p.until("everything is found", until)
		}
	}
	return []look{
		{"screenings", "#/screenings", func(p page) {
			p.press("#main > button")
			p.until("the past is there", `document.querySelectorAll("#main section:not([hidden])").length === 2`)
		}, has(".row[data-id=casablanca]")},
		{"new", "#/screenings", func(p page) { p.press("#add") }, has(".row[data-id=casablanca]")},
		{"wrong", "#/screenings/casablanca", func(p page) {
			p.press("#main > .actions button:nth-of-type(3)")
			p.fill("#f-amount", "48")
			p.press(".screening-form button[type=submit]")
			p.until("it is refused", `document.querySelector(".screening-form .result").innerText !== ""`)
		}, has("svg.curve")},
		{"screening", "#/screenings/casablanca", nothing, has("svg.curve") + " && " + has(".figures-grid")},
		{"paused", "#/screenings/metropolis", nothing, has("#main[data-state=paused]") + " && " + has(".figures-grid")},
		{"cancelled", "#/screenings/stalker", nothing, has("#main[data-state=cancelled]") + " && " + has(".figures-grid")},
		{"ask", "#/screenings/casablanca", func(p page) { p.press("#main .danger"); p.untilThere("#ask-typed") }, has("#main .danger")},
		{"early", "#/screenings/casablanca", func(p page) {
			p.press("#main > .actions button:last-of-type")
			p.fill("#ask-note", "x")
			p.press("#ask button[type=submit]")
			p.until("it is too early", `document.querySelector("#ask .result").innerText !== ""`)
		}, has("#main .danger")},
		{"orders", "#/orders", nothing, `document.querySelectorAll(".row").length === 3`},
		{"none", "#/orders?buyer=nobody", nothing, has("#main .loaded > .muted") + ` && document.querySelectorAll(".row").length === 0`},
		{"order", "#/orders/" + cancelled, nothing, has("[data-refund]") + " && " + has(".timeline li")},
		{"told", "#/orders/" + cancelled, everything("#main > section:last-of-type > button",
			`document.querySelectorAll(".timeline li").length > 19`), has(".timeline li")},
		{"missing", "#/orders/none", nothing, has("#main .result")},
		{"refund", "#/orders/" + order, func(p page) { p.press("#refund-part"); p.untilThere("#ask-amount") }, has("#refund-part")},
		{"money", "#/money", nothing, has("[data-currency=CNY]") + " && " + has("[data-refund=needs_attention]")},
		{"trouble", "#/trouble", nothing, `document.querySelectorAll("#main .loaded .row").length > 4 && ` + has("#main .badge")},
		{"found", "#/trouble", everything("#main .heading button", `document.querySelectorAll("#main .row").length > 18`),
			`document.querySelectorAll("#main .loaded .row").length > 4 && ` + has("#main .badge")},
		{"acts", "#/acts", nothing, `document.querySelectorAll(".row[data-act]").length > 4`},
	}
}
