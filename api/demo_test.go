package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

func TestDemoTokenBuys(t *testing.T) {
	f := newFixture(t, withDemo)
	w := f.send(t, ask{method: "POST", path: "/v1/dev/tokens", body: `{"user":"alice","role":"buyer"}`})
	if w.Code != 200 || field(t, w, "expires_at") != "2026-11-21T00:00:00.000Z" {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	a := buy(t)
	a.token = field(t, w, "token")
	if w := f.send(t, a); w.Code != http.StatusAccepted {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	for _, body := range []string{`{}`, `{"user":"","role":"buyer"}`, `{"user":"bob","role":"root"}`,
		`{"user":"` + strings.Repeat("b", 129) + `","role":"buyer"}`, `{"user":"b\nb","role":"buyer"}`} {
		wantProblem(t, f.send(t, ask{method: "POST", path: "/v1/dev/tokens", body: body}), 422, "invalid_request")
	}
}

// Somebody who tries the demo opens another site, whose name then leads to this machine. It gets no tokens of the demo.
func TestDemoMakesNoTokensForOtherHosts(t *testing.T) {
	f := newFixture(t, withDemo, func(o *Options) { o.PublicURL = "https://shop.example" })
	a := ask{method: "POST", path: "/v1/dev/tokens", body: `{"user":"alice","role":"admin"}`}
	for _, a.host = range []string{"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.7:8080"} {
		wantProblem(t, f.send(t, a), http.StatusForbidden, "other_site")
	}
	for _, a.host = range []string{"localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.0.0.2", "[::1]:8080", "shop.example"} {
		if w := f.send(t, a); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", a.host, w.Code, w.Body)
		}
	}
}

// The simulator goes the whole way of a provider: HTTP, signature, callback.
func TestSimulatorPaysByCallback(t *testing.T) {
	var address string
	f := newFixture(t, func(o *Options) {
		o.Demo = &Demo{CallbackURL: func() string { return address + "/v1/payments/callback" }, Sign: signTestCallback(t)}
	})
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	address = server.URL
	var got []order.Payment
	f.orders.pay = func(p order.Payment) (order.PaymentResult, error) {
		got = append(got, p)
		return order.Applied, nil
	}
	pay := ask{method: "POST", path: "/v1/dev/payments", body: `{"order_id":"` + orderID + `"}`, token: tokenFor(t, "alice", roleBuyer)}
	for range 2 {
		w := f.send(t, pay)
		if w.Code != 200 || field(t, w, "result") != "applied" || field(t, w, "payment_id") != "sim_"+orderID {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
	}
	if len(got) != 2 || got[0].ID != got[1].ID || got[0].WebhookID == got[1].WebhookID || got[0].OrderID != orderID ||
		got[0].Amount != (event.Money{Amount: 9800, Currency: "CNY"}) {
		t.Errorf("paid %+v", got)
	}
	pay.token = tokenFor(t, "bob", roleBuyer)
	wantProblem(t, f.send(t, pay), 404, "not_found")
}

// A redirect would send a signed event wherever the answer says.
func TestSimulatorFollowsNothing(t *testing.T) {
	visited := make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { visited <- r.URL.Path }))
	t.Cleanup(elsewhere.Close)
	redirect := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirect.Close)
	f := newFixture(t, func(o *Options) {
		o.Demo = &Demo{CallbackURL: func() string { return redirect.URL }, Sign: signTestCallback(t)}
	})
	w := f.send(t, ask{method: "POST", path: "/v1/dev/payments", body: `{"order_id":"` + orderID + `"}`, token: tokenFor(t, "alice", roleBuyer)})
	wantProblem(t, w, 503, "unavailable")
	select {
	case path := <-visited:
		t.Errorf("the simulator followed to %s", path)
	default:
	}
}

// Only the payments that the demo makes are its own to send back: those of the simulator's attempts look alike.
func TestDemoKnowsItsPayments(t *testing.T) {
	made := stock.NewID(testNow())
	for id, want := range map[string]bool{
		"sim_" + made: true, made: false, "sim_": false, "sim_" + made + "_1": false, "sim_at" + made: false, "": false,
	} {
		if IsDemoPayment(id) != want {
			t.Errorf("%q is the demo's: %v", id, !want)
		}
	}
}
