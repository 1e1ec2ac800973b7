package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/payment"
	"boxoffice/stock"
)

func startAsk(t testing.TB, user, body string) ask {
	return ask{method: "POST", path: "/v1/orders/" + orderID + "/payments", body: body, token: tokenFor(t, user, roleBuyer)}
}

const startBody = `{"provider":"webhook","return_url":"https://shop.example/back"}`

func TestStartPayment(t *testing.T) {
	f := newFixture(t)
	w := f.send(t, startAsk(t, "alice", startBody))
	want := `{"id":"attempt","provider":"webhook","action":{"kind":"redirect","url":"https://pay.example/attempt"},` +
		`"expires_at":"2026-11-20T12:15:00.250Z"}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("answered %d %s, want %s", w.Code, w.Body, want)
	}
	f.payments.start = func(o event.Order, _ string) (payment.Opened, error) {
		return payment.Opened{ID: "a", Provider: "wechat", ExpiresAt: time.UnixMilli(o.ExpiresAt),
			Action: payment.Action{Kind: payment.ShowQR, QR: "weixin://wxpay/bizpayurl?pr=abc"}}, nil
	}
	w = f.send(t, startAsk(t, "alice", startBody))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"qr_image":"data:image/png;base64,`) {
		t.Errorf("answered %d %s, want a drawn QR code", w.Code, w.Body)
	}
	f.payments.start = func(event.Order, string) (payment.Opened, error) { return payment.Opened{}, payment.ErrProviderAway }
	w = f.send(t, startAsk(t, "alice", startBody))
	wantProblem(t, w, 503, "provider_away")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	wantProblem(t, f.send(t, startAsk(t, "bob", startBody)), 404, "not_found")
	w = f.send(t, ask{method: "GET", path: "/v1/payments/providers"})
	if w.Code != 200 || w.Body.String() != `{"items":[]}` { // it only sends callbacks
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// A code that is too long to be drawn was answered with status 500, at each try.
func TestLongestCodeIsDrawn(t *testing.T) {
	f := newFixture(t)
	for length, status := range map[int]int{payment.QRMax: 200, 4000: 422} {
		f.payments.start = func(event.Order, string) (payment.Opened, error) {
			return payment.Opened{ID: "a", Action: payment.Action{Kind: payment.ShowQR, QR: strings.Repeat("\x9b", length)}}, nil
		}
		if w := f.send(t, startAsk(t, "alice", startBody)); w.Code != status {
			t.Errorf("a code of %d bytes was answered %d", length, w.Code)
		}
	}
}

// A return_url is where a payer's browser goes: no script, no file, no name and password.
// One whose host is a port alone, or has half a bracket, was taken: Go reads it, and no browser opens it.
func TestReturnURLInput(t *testing.T) {
	f := newFixture(t)
	for url, status := range map[string]int{
		"https://shop.example/": 200, "http://127.0.0.1:8080/?order=1#paid": 200,
		"https://:443/": 422, "https://shop.example]/": 422, "http://[]/": 422, "http://[::1]:8080/": 200,
		"": 422, "javascript:alert(1)": 422, "//shop.example": 422, "/back": 422, "https://": 422, "file:///etc/passwd": 422,
		"https://me:secret@shop.example/": 422, "https://shop.example/ x": 422, "https://x/" + strings.Repeat("y", 2048): 422,
	} {
		if w := f.send(t, startAsk(t, "alice", `{"provider":"webhook","return_url":"`+url+`"}`)); w.Code != status {
			t.Errorf("%q was answered %d %s, want %d", url, w.Code, w.Body, status)
		}
	}
}

// What is sold or released cannot be paid, and no provider is asked.
func TestReservationThatIsNotHeldStartsNothing(t *testing.T) {
	f := newFixture(t)
	f.payments.start = func(event.Order, string) (payment.Opened, error) {
		t.Error("a payment was started")
		return payment.Opened{}, nil
	}
	for state, code := range map[stock.ReservationState]string{stock.Sold: "already_paid", stock.Released: "not_payable"} {
		f.stock.reservation = func(string, string) (stock.Reservation, error) {
			return stock.Reservation{Order: testOrder(), State: state}, nil
		}
		wantProblem(t, f.send(t, startAsk(t, "alice", startBody)), 409, code)
	}
}

// A cancelled order leaves no window open in which its buyer could pay.
func TestCancelEndsThePayments(t *testing.T) {
	f := newFixture(t)
	f.send(t, ask{method: "POST", path: "/v1/orders/" + orderID + "/cancel", token: tokenFor(t, "alice", roleBuyer)})
	if !slices.Equal(f.payments.ended, []string{orderID}) {
		t.Errorf("ended the payments of %q", f.payments.ended)
	}
}

// Each provider's callbacks have a path of their own, and those that want their own answer get it.
func TestCallbackOfAProvider(t *testing.T) {
	f := newFixture(t)
	a := callback(t, testWebhookSecret, testNow(), paidBody)
	a.path += "/webhook"
	if w := f.send(t, a); w.Code != 200 || w.Body.String() != `{"result":"applied"}` {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	a.path = "/v1/payments/callback/nobody"
	wantProblem(t, f.send(t, a), 404, "not_found")
}

// An operator's act has a note, and is recorded with who does it.
func TestActsOnMoney(t *testing.T) {
	f := newFixture(t)
	key := http.Header{"Idempotency-Key": {"key-1"}}
	boss := tokenFor(t, "boss", roleAdmin)
	for path, want := range map[string]struct {
		status int
		body   string
		act    string
	}{
		"refunds/rf_1/retry":                     {200, `{"note":"they called"}`, "retry rf_1 boss they called"},
		"refunds/rf_1/settle":                    {200, `{"note":"cash"}`, "settle rf_1 boss cash"},
		"payments/parked/stripe:pi_1%2Fx/refund": {204, `{"note":"nobody ordered"}`, "refund stripe:pi_1/x boss nobody ordered"},
		"payments/reused/a:b/settle": {204, `{"order_id":"o","amount":{"amount":5,"currency":"CNY"},"note":"never taken"}`,
			"settle reused 5 CNY of a:b for o a:b boss never taken"},
		"orders/" + orderID + "/cancel":  {200, `{"note":"the projector"}`, "cancel " + orderID + " boss the projector"},
		"orders/" + orderID + "/refunds": {202, `{"amount":100,"note":"a seat"}`, "refund 100 by key-1 " + orderID + " boss a seat"},
	} {
		f.orders.acts = nil
		send := func(body string) int {
			return f.send(t, ask{method: "POST", path: "/v1/admin/" + path, body: body, token: boss, header: key}).Code
		}
		if status := send(want.body); status != want.status || !slices.Equal(f.orders.acts, []string{want.act}) {
			t.Errorf("%s: answered %d and did %q, want %d and %q", path, status, f.orders.acts, want.status, want.act)
		}
		for _, note := range []string{"", "   ", strings.Repeat("n", audit.NoteMax+1)} {
			body := strings.Replace(want.body, `"note":"`, `"note":"`+note+`","x":"`, 1)
			if status := send(body); status != 400 {
				t.Errorf("%s with an unknown field: %d", path, status)
			}
			start := strings.Index(want.body, `"note"`)
			if status := send(want.body[:start] + `"note":"` + note + `"}`); status != 422 {
				t.Errorf("%s with note %.5q: %d", path, note, status)
			}
		}
		if len(f.orders.acts) != 1 {
			t.Errorf("%s did %q without a note", path, f.orders.acts)
		}
	}
}

func TestListsOfMoney(t *testing.T) {
	f := newFixture(t)
	boss := tokenFor(t, "boss", roleAdmin)
	get := func(path string) (int, string) {
		w := f.send(t, ask{method: "GET", path: "/v1/admin/" + path, token: boss})
		return w.Code, w.Body.String()
	}
	if code, body := get("refunds"); code != 200 || !strings.Contains(body, `"next_cursor":"refunds.rf_1"`) || len(f.payments.states) != 4 {
		t.Errorf("%d %s, asked for %q", code, body, f.payments.states)
	}
	if code, _ := get("refunds?state=done&state=settled"); code != 200 || !slices.Equal(f.payments.states, []string{"done", "settled"}) {
		t.Errorf("%d, asked for %q", code, f.payments.states)
	}
	if code, _ := get("refunds?state=lost"); code != 400 {
		t.Errorf("an unknown state: %d", code)
	}
	if code, body := get("payments/parked?limit=1"); code != 200 || !strings.Contains(body, `"pay_1"`) || !strings.Contains(body,
		`"next_cursor":"parked.1795176000250.pay_1"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get("payments/parked?limit=1&cursor=parked.1795176000250.pay_1"); code != 200 || !strings.Contains(body, `"pay_2"`) ||
		!strings.Contains(body, `"next_cursor":null`) {
		t.Errorf("%d %s", code, body)
	}
	for _, cursor := range []string{"x", "parked.x", "parked.-1.a", "parked.1.", "parked.1", "parked..pay_1", "1795176000250.pay_1"} {
		if code, _ := get("payments/parked?cursor=" + cursor); code != 400 {
			t.Errorf("cursor %s: %d", cursor, code)
		}
	}
	reused := `{"items":[{"payment_id":"pay_1","provider":"webhook","order_id":"` + orderID + `","amount":{"amount":9800,"currency":"CNY"},` +
		`"since":"2026-11-20T12:00:00.250Z"}],"next_cursor":null}`
	if code, body := get("payments/reused"); code != 200 || body != reused {
		t.Errorf("%d %s, want %s", code, body, reused)
	}
	want := `{"balanced":true,"currencies":[{"currency":"CNY","received":300,"applied":100,"refunded":150,"returning":30,` +
		`"parked":20,"unclear":0,"needs_attention":0,"paid_orders":100,"balanced":true,"stock":{"tickets_sold":3,` +
		`"tickets_reserved":2,"tickets_released":1,"sold":90,"reserved":60,"on_its_way":10,"agrees":false}},` +
		`{"currency":"USD","received":0,"applied":0,"refunded":0,"returning":0,"parked":0,"unclear":0,"needs_attention":0,"paid_orders":0,` +
		`"balanced":true,"stock":{"tickets_sold":0,"tickets_reserved":1,"tickets_released":0,"sold":0,"reserved":7,"on_its_way":0,` +
		`"agrees":true}}],"server_time":"2026-11-20T12:00:00.250Z"}`
	if code, body := get("ledger"); code != 200 || body != want {
		t.Errorf("%d %s, want %s", code, body, want)
	}
}

// The path of callbacks is not limited by address, and any name behind it was read, 64 KiB at a time.
func TestUnknownProvidersCallbackIsLimitedAndNotRead(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.AddressRate = 1 })
	limited := 0
	for range 10 {
		w := f.send(t, ask{method: "POST", path: "/v1/payments/callback/nobody", body: strings.Repeat(" ", callbackBytesMax+1)})
		if w.Code == 429 {
			limited++
		} else if w.Code != 404 {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	if limited == 0 {
		t.Error("nobody is limited")
	}
	for range 10 {
		if w := f.send(t, callback(t, testWebhookSecret, testNow(), paidBody)); w.Code != 200 {
			t.Errorf("a provider was answered %d", w.Code)
		}
	}
}

// An id with a percent sign was unescaped twice, and named another payment.
func TestPaymentIDsInPaths(t *testing.T) {
	f := newFixture(t)
	for path, want := range map[string]string{"pay%2541": "pay%41", "50%25off": "50%off", "a%2Fb": "a/b", "stripe:pi_1": "stripe:pi_1"} {
		f.orders.acts = nil
		w := f.send(t, ask{method: "POST", path: "/v1/admin/payments/parked/" + path + "/refund", body: `{"note":"n"}`,
			token: tokenFor(t, "boss", roleAdmin)})
		if w.Code != 204 || len(f.orders.acts) != 1 || f.orders.acts[0] != "refund "+want+" boss n" {
			t.Errorf("%s: answered %d and did %q, want %s", path, w.Code, f.orders.acts, want)
		}
	}
}

// A buyer reads where the money is, of own orders, and not what the provider said to the operators.
func TestBuyerReadsRefunds(t *testing.T) {
	f := newFixture(t)
	path := "/v1/orders/" + orderID + "/refunds"
	w := f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)})
	want := `{"items":[{"amount":{"amount":9800,"currency":"CNY"},"reason":"already_paid","state":"due","changed_at":"` +
		formatTime(testNow()) + `"}]}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	wantProblem(t, f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "bob", roleBuyer)}), http.StatusNotFound, "not_found")
	wantProblem(t, f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleAdmin)}), http.StatusForbidden, "forbidden")
	wantProblem(t, f.send(t, ask{method: "GET", path: path}), http.StatusUnauthorized, "unauthorized")
}

// A part that a provider can never send back was taken, and came to a person as a refund for which nothing can be done.
func TestPartThatCannotBeSentBackIsRefused(t *testing.T) {
	f := newFixture(t)
	a := ask{
		method: http.MethodPost, path: "/v1/admin/orders/" + orderID + "/refunds", token: tokenFor(t, "boss", roleAdmin),
		body: `{"amount":101,"note":"a seat"}`, header: http.Header{"Idempotency-Key": {"k"}},
	}
	w := f.send(t, a)
	wantProblem(t, w, http.StatusUnprocessableEntity, "invalid_request")
	if !strings.Contains(w.Body.String(), "multiple of 5") {
		t.Errorf("nobody is told why: %s", w.Body.String())
	}
}
