//go:build !race

package app

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// A buyer says on the order's page where the tickets go, sees it, changes it, and reads in the mailbox what would have been
// sent. What a mail says is shown, and runs nothing.
func TestPageSaysWhereTicketsGo(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/s/casablanca")
	p.signIn("alice")
	id := p.buys()
	p.untilThere("#contact-email")
	p.fill("#contact-email", "not an address")
	p.press(".contact button[type=submit]")
	p.until("the browser asks for an address",
		`!document.getElementById("contact-email").checkValidity() && document.querySelector(".contact-form") !== null`)
	if r := b.must("GET", "/v1/contact", bearer(t, "alice", "buyer"), ""); !strings.Contains(string(r.body), `"email":null`) {
		t.Errorf("what is no address was taken: %s", r.body)
	}
	p.fill("#contact-email", "alice@example.org")
	p.press(".contact button[type=submit]")
	p.until("it says where", `document.getElementById("contact-words").innerText.includes("alice@example.org") &&
		document.querySelector(".contact-form").hidden`)
	b.eventuallyMail(id, "reserved", "mail", "sent")
	p.visit(b.shop + "/o/" + id)
	p.until("it still says so after a reload", `document.getElementById("contact-words")?.innerText.includes("alice@example.org")`)

	b.paysAtTheSimulator("alice", id)
	paid := b.eventuallyMail(id, "paid", "mail", "sent")
	m := b.mailbox()
	m.until("both mails are there", `document.querySelectorAll(".message[data-state=sent]").length === 2`)
	m.press(".message[data-kind=paid] summary")
	m.until("the mail is shown", `(() => {
		const frame = document.querySelector(".message[data-kind=paid] iframe");
		return frame !== null && frame.getAttribute("sandbox") === "" &&
			document.querySelector(".message[data-kind=paid] pre").innerText.includes("Casablanca");
	})()`)
	if !m.fits() {
		t.Error("the mailbox is wider than a phone")
	}
	if axe := axeSource(t); m.violations(axe) != "[]" {
		t.Errorf("mailbox: %s", m.violations(axe))
	}
	// What a mail cannot do from its frame, whatever its words are: the page is as it was.
	js[bool](m, `(() => {
		const frame = document.createElement("iframe");
		frame.setAttribute("sandbox", "");
		frame.id = "evil";
		frame.addEventListener("load", () => setTimeout(() => { frame.dataset.loaded = "yes"; }, 300));
		frame.src = URL.createObjectURL(new Blob(["<script>parent.document.title = 'taken'</scr" + "ipt>" +
			"<img src=x onerror=\"top.location = 'about:blank'\">"],
			{type: "text/html"}));
		document.body.append(frame);
		return true;
	})()`)
	m.until("the other frame is there", `document.getElementById("evil").dataset.loaded === "yes"`)
	if title := js[string](m, `document.title`); title == "taken" || title == "" {
		t.Errorf("a mail has run: the title is %q", title)
	}
	if _, err := evaluate[string](m, `document.getElementById("evil").contentDocument.title`); err == nil {
		t.Error("the frame is of this page's origin")
	}

	p.pressNamed(".contact", "Send nothing")
	p.until("it asks again", `!document.querySelector(".contact-form").hidden &&
		document.getElementById("contact-words").innerText.startsWith("Send my tickets")`)
	r := b.must("GET", "/v1/contact", bearer(t, "alice", "buyer"), "")
	if r.status != http.StatusOK || !strings.Contains(string(r.body), `"email":null`) {
		t.Errorf("forgotten: %s", r.body)
	}
	if r := b.must("GET", "/v1/dev/messages/"+paid.ID, bearer(t, "bob", "buyer"), ""); r.status != http.StatusNotFound {
		t.Errorf("another buyer reads it: %d %s", r.status, r.body)
	}
}

// mailbox opens the mailbox of whoever has signed in.
func (b *browserTest) mailbox() page {
	b.t.Helper()
	p := b.blank()
	p.visit(b.shop + "/mailbox")
	return p
}

// The line is for everybody: in both languages, on a narrow phone, before and after it knows where.
func TestContactLineIsForEverybody(t *testing.T) {
	axe := axeSource(t)
	b := newBrowser(t)
	b.width = 360
	p := b.open("/s/casablanca")
	p.signIn("alice")
	p.buys()
	for _, language := range []string{"en", "zh"} {
		p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`")`)
		for i, state := range []string{`!document.querySelector(".contact-form").hidden`, `document.querySelector(".contact-form").hidden`} {
			p.untilThere(".contact button:not([hidden])")
			if i == 1 {
				p.fill("#contact-email", "a.very.long.address.of.somebody.who.likes.films@mail.of.a.large.company.example.org")
				p.press(".contact button[type=submit]")
			}
			p.until(fmt.Sprintf("state %d", i), state)
			for scheme, rules := range map[string][]string{"light": nil, "dark": {"color-contrast"}} {
				p.scheme(scheme)
				if found := p.violations(axe, rules...); found != "[]" {
					t.Errorf("%s, state %d, %s: %s", language, i, scheme, found)
				}
			}
			if !p.fits() {
				t.Errorf("%s, state %d: wider than a phone", language, i)
			}
		}
		words := map[string]string{"en": "Send nothing", "zh": "\u4e0d\u518d\u53d1\u9001"}[language]
		p.pressNamed(".contact", words)
		p.until("it asks again", `!document.querySelector(".contact-form").hidden`)
		p.press("#language")
	}
}

// What was given up is among the troubles, and is sent again from there.
func TestConsoleSendsMailAgain(t *testing.T) {
	b := newBrowser(t)
	order := b.mustBuy("alice", "casablanca", 1)
	b.eventuallyStatus("alice", order.ID, "pending_payment")
	b.tellsAt("alice", `{"email":"alice@example.org","language":"en"}`)
	mail := b.eventuallyMail(order.ID, "reserved", "mail", "sent")
	b.write("sqlite:"+filepath.Join(b.dir, "notify.db"),
		`UPDATE notifications SET state = 'dead', sent_at = NULL, tries = 15, last_error = '550 no such mailbox'`)
	p := b.console("Olga")
	p.view("#/trouble", `document.querySelector("[data-mail=dead]") !== null`)
	if words := p.text("[data-mail=dead]"); !strings.Contains(words, "550 no such mailbox") || !strings.Contains(words, "alice@example.org") {
		t.Errorf("it says %q", words)
	}
	if axe := axeSource(t); p.violations(axe) != "[]" {
		t.Errorf("trouble: %s", p.violations(axe))
	}
	p.pressNamed("[data-mail=dead]", "Send again")
	p.confirms("the mailbox is there now")
	p.until("none is given up", `document.querySelector("[data-mail=dead]") === null`)
	b.eventuallyMail(order.ID, "reserved", "mail", "sent")
	if acts := b.actsOn(mail.ID); len(acts) != 1 || acts[0] != "retry_notification" {
		t.Errorf("acts %q", acts)
	}
	p.view("#/orders/"+order.ID, `document.querySelector("[data-mail=sent]") !== null &&
		document.querySelector(".timeline")?.innerText.includes("Mail or SMS sent")`)
}

// A buyer on the way to the door looked for the tickets below a form that asked where to send them; and one whose order was
// cancelled was asked where to send tickets that there were not.
func TestTicketsComeBeforeTheQuestionWhereToSendThem(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 1)
	p := b.open("/")
	p.signIn("alice")
	p.visit(b.shop + "/o/" + order.ID)
	p.until("it asks where to send the tickets", `document.querySelector(".contact")?.hidden === false`)
	if !js[bool](p, `document.querySelector(".order > a.button[href^='/tickets']").getBoundingClientRect().bottom <=
		document.querySelector(".contact").getBoundingClientRect().top`) {
		t.Error("the tickets are below the question")
	}
	b.operate("POST", "/v1/admin/orders/"+order.ID+"/cancel", `{"note":"ill"}`, http.StatusOK)
	p.until("it asks no more", `document.querySelector(".order[data-status=cancelled]") !== null && document.querySelector(".contact").hidden`)
	p.visit(b.shop + "/o/" + order.ID)
	p.until("nor after a reload", `document.querySelector(".order[data-status=cancelled]") !== null`)
	b.tellsAt("alice", `{"email":"alice@example.org","language":"en"}`)
	p.visit(b.shop + "/o/" + order.ID)
	p.until("but it says what is known, to be changed", `document.querySelector(".contact")?.hidden === false &&
		document.getElementById("contact-words").innerText.includes("alice@example.org")`)
}
