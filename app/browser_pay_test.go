//go:build !race

package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"boxoffice/payment"
	"boxoffice/simulator"
)

// newPayingBrowser is a phone's browser, and a demo whose payment provider has payers come to its page in this way.
func newPayingBrowser(t *testing.T, action payment.ActionKind) (*browserTest, *servedSimulator) {
	t.Helper()
	b := newBrowser(t)
	s, err := openSimulator("127.0.0.1:0", "", simulator.Options{Secret: testWebhookSecret(), Action: action, Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	b.stop()
	b.env["BOXOFFICE_PAYMENT_URL"] = s.url + simulatorAPI
	b.start()
	return b, s
}

// toPay buys a ticket, and returns the order, which can be paid by now.
func (b *browserTest) toPay(p page) string {
	b.t.Helper()
	p.visit(b.shop + "/s/casablanca")
	id := p.buys()
	b.eventuallyStatus("alice", id, "pending_payment")
	p.do(chromedp.Sleep(time.Second)) // as long as the second half of a double click may come
	return id
}

const (
	paid     = `document.querySelector(".order[data-status=paid]") !== null`
	provider = `location.pathname.startsWith("/pay/") && document.querySelector("button[value=pay]") !== null`
)

// inBothLanguages pays an order for each language of the page.
func (b *browserTest) inBothLanguages(pay func(p page, language, order string)) {
	b.t.Helper()
	p := b.open("/")
	p.signIn("alice")
	for _, language := range []string{"en", "zh"} {
		p.until("in "+language, `document.documentElement.lang.startsWith("`+language+`")`)
		pay(p, language, b.toPay(p))
		p.visit(b.shop)
		p.press("#language")
	}
}

// scan reads the code that a page shows, as the camera of another phone does: from the picture.
func (p page) scan() string {
	p.t.Helper()
	js[bool](p, `window.scanned = null; (async () => {
		await import("/web/jsqr/jsQR.js");
		const picture = document.querySelector("dialog.scan img");
		await picture.decode();
		const canvas = Object.assign(document.createElement("canvas"), {width: picture.naturalWidth, height: picture.naturalHeight});
		const drawing = canvas.getContext("2d");
		drawing.drawImage(picture, 0, 0);
		const {data, width, height} = drawing.getImageData(0, 0, canvas.width, canvas.height);
		window.scanned = window.jsQR(data, width, height)?.data ?? "nothing";
	})().catch((error) => { window.scanned = String(error); }); true`)
	p.until("the code is read", `window.scanned !== null`)
	return js[string](p, `window.scanned`)
}

// A buyer scans the code on the screen with a phone and pays there. The order on the screen turns paid by itself, by what the
// server pushes: the page asks nothing meanwhile.
func TestPagePaysByACode(t *testing.T) {
	axe := axeSource(t)
	b, _ := newPayingBrowser(t, payment.ShowQR)
	title := map[string]string{"en": "Scan to pay", "zh": "\u626b\u7801\u4ed8\u6b3e"}
	b.inBothLanguages(func(p page, language, order string) {
		p.press(payButton)
		p.untilThere("dialog.scan img")
		if words := p.text("#scan-title"); words != title[language] {
			t.Errorf("%s: the code is under %q", language, words)
		}
		p.wantNoWiderThanAPhone()
		if found := p.violations(axe); found != "[]" {
			t.Errorf("%s: %s", language, found)
		}
		address := p.scan()
		if link := js[string](p, `document.querySelector("dialog.scan a").href`); link != address || !strings.Contains(address, "/pay/") {
			t.Fatalf("%s: the code says %q, and the link %q", language, address, link)
		}
		asked := fmt.Sprintf(`performance.getEntriesByType("resource").filter(({name}) => name === %q).length`, b.shop+"/v1/orders/"+order)
		before := js[int](p, asked)
		phone := b.blank()
		phone.do(chromedp.Navigate(address))
		phone.until("the provider's page is there", provider)
		phone.wantNoWiderThanAPhone()
		phone.press("button[value=pay]")
		p.until("paid, and the code is gone", paid+` && document.querySelector("dialog.scan") === null`)
		if n := js[int](p, asked) - before; n != 0 {
			t.Errorf("%s: the page has asked %d times", language, n)
		}
	})
}

// The page made a link of any code that a provider had sent: one that was a script would have run in the shop, with the buyer's
// session, and the text of a till led to a page that does not exist.
func TestOnlyACodeOfAnApplicationIsALink(t *testing.T) {
	p := newBrowser(t).open("/")
	js[bool](p, `window.links = null; import("/web/pay.js").then(({isForAnApplication}) => {
		const codes = ["javascript:alert(1)", "\x01 Java\tScript\n:alert(1)", "data:text/html,x", "blob:https://a/b", "00020101021138570011",
			"weixin://wxpay/bizpayurl?pr=a", "alipays://platformapi/startapp", "https://qr.alipay.com/bax0"];
		window.links = codes.filter(isForAnApplication).join(" ");
	}, (error) => { window.links = String(error); }); true`)
	p.until("the codes are read", `window.links !== null`)
	if links := js[string](p, `window.links`); links != "weixin://wxpay/bizpayurl?pr=a alipays://platformapi/startapp https://qr.alipay.com/bax0" {
		t.Errorf("links are made of %s", links)
	}
}

// The shop's page posts the provider's form, and the buyer comes back to the order. From a shop without TLS, such as a demo, the
// page's own policy let no form out to a provider without TLS: nothing happened at the button.
func TestPagePaysByAForm(t *testing.T) {
	b, _ := newPayingBrowser(t, payment.PostForm)
	b.inBothLanguages(func(p page, _, order string) {
		p.press(payButton)
		p.until("the provider's page is there", provider)
		p.wantNoWiderThanAPhone()
		p.press("button[value=pay]")
		p.until("back at the order, and paid", fmt.Sprintf(`location.pathname === %q && `, "/o/"+order)+paid)
	})
}

// A provider's form has a field of the name "submit", as many a gateway gives its button: in a browser that is then what
// form.submit is, and the buyer pressed Pay and stayed where he was.
func TestFormWithAFieldNamedSubmitIsPosted(t *testing.T) {
	posted := make(chan string, 1)
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posted <- r.PostFormValue("submit") + " " + r.PostFormValue("order")
		}
	}))
	t.Cleanup(provider.Close)
	p := newBrowser(t).open("/")
	js[bool](p, fmt.Sprintf(`import("/web/pay.js").then(({perform}) => perform(
		{kind: "form", url: %q, fields: {submit: "pay", order: "7"}})); true`, provider.URL))
	select {
	case got := <-posted:
		if got != "pay 7" {
			t.Errorf("posted %q", got)
		}
	case <-time.After(testDeadline):
		t.Error("nothing was posted")
	}
}

// A buyer closes the tab at the provider and comes back later: it is the same attempt, and it is paid once.
func TestPageComesBackToAPayment(t *testing.T) {
	b, s := newPayingBrowser(t, payment.Redirect)
	p := b.open("/")
	p.signIn("alice")
	order := b.toPay(p)
	p.press(payButton)
	p.until("the provider's page is there", provider)
	attempt := js[string](p, `location.href`)
	p.do(chromedp.Navigate("about:blank"))
	p = b.open("/o/" + order)
	p.press(payButton)
	p.until("the provider's page again", provider)
	if again := js[string](p, `location.href`); again != attempt {
		t.Errorf("the attempt is at %s, and was at %s", again, attempt)
	}
	p.press("button[value=leave]")
	p.until("back at the order, which waits", `document.querySelector(".order[data-status=pending_payment]") !== null`)
	p.press(payButton)
	p.until("the provider's page once more", provider)
	p.press("button[value=pay]")
	p.until("paid", paid)
	if books := s.Books(); len(books.Attempts) != 1 || books.Taken["CNY"] != 4900 {
		t.Errorf("the provider has %d attempts, and has taken %v", len(books.Attempts), books.Taken)
	}
}

// A buyer pays twice: the order is paid once, and the page says why the second money goes back, and where it is.
func TestPagePaysTwice(t *testing.T) {
	b, s := newPayingBrowser(t, payment.Redirect)
	p := b.open("/")
	p.signIn("alice")
	order := b.toPay(p)
	p.press(payButton)
	p.until("the provider's page is there", provider)
	p.press("button[value=twice]")
	p.until("paid", fmt.Sprintf(`location.pathname === %q && `, "/o/"+order)+paid)
	p.until("and the second money is back", `/It was paid twice\. CN\u00a549\.00 is back/.test(document.querySelector(".order").innerText)`)
	p.wantNoWiderThanAPhone()
	b.eventually("the provider has sent one of two back", func() bool {
		totals := s.Totals()
		return totals.Taken["CNY"] == 9800 && totals.SentBack["CNY"] == 4900
	})
	if r := b.must("GET", "/v1/admin/ledger", bearer(t, "boss", "admin"), ""); !strings.Contains(string(r.body), `"balanced":true`) {
		t.Errorf("ledger %s", r.body)
	}
}

// The page of an order that the office had cancelled said up to twenty seconds late that its money was on its way back, and as late
// that it was back.
func TestOrderPageAsksSoonWhereMoneyIs(t *testing.T) {
	b := newBrowser(t)
	order := b.payInDemo("alice", 1)
	p := b.open("/")
	p.signIn("alice")
	p.before(`(() => {
		const send = window.fetch;
		window.asked = [];
		window.fetch = (path, options) => (String(path).endsWith("/refunds") && window.asked.push(performance.now()), send(path, options));
	})()`)
	p.visit(b.shop + "/o/" + order.ID)
	p.until("it is paid, and asked about once", `document.querySelector(".order[data-status=paid]") !== null && window.asked.length > 0`)
	b.operate("POST", "/v1/admin/orders/"+order.ID+"/cancel", `{"note":"the projector is broken"}`, 200)
	p.until("it is cancelled", `document.querySelector(".order[data-status=cancelled]") !== null`)
	js[bool](p, `(window.asked = []) !== null`)
	p.until("it is asked about three times in eight seconds", `window.asked.some((at, i, all) => all[i + 2] - at < 8000)`)
}

// A payer in Shanghai read the deadline of the payment in UTC, eight hours ago by the clock on the wall.
func TestProviderPageTellsTheReadersTime(t *testing.T) {
	b := newBrowser(t)
	p := b.open("/")
	p.signIn("alice")
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Shanghai"})
		return chromedp.Void{}, err
	})
	b.toPay(p)
	p.press(payButton)
	p.until("the provider's page is there", provider)
	p.until("it tells the time of Shanghai", `(() => {
		const time = document.querySelector("time");
		const there = new Date(new Date(time.dateTime).getTime() + 8 * 3600 * 1000).toISOString().slice(11, 19);
		return time.innerText.includes(there) && time.innerText.endsWith("GMT+8");
	})()`)
}
