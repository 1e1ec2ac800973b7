package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/stock"
)

// buy is alice's purchase of two tickets.
func buy(t testing.TB) ask {
	t.Helper()
	return ask{
		method: "POST", path: "/v1/screenings/" + screeningID + "/orders", body: `{"quantity":2}`,
		token: tokenFor(t, "alice", roleBuyer), header: http.Header{"Idempotency-Key": {"key-1"}},
	}
}

// field returns one field of a JSON answer, as text.
func field(t *testing.T, w *httptest.ResponseRecorder, name string) string {
	t.Helper()
	var body map[string]json.RawMessage
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("answered %d %q: %v", w.Code, w.Body, err)
	}
	return strings.Trim(string(body[name]), `"`)
}

func TestPurchase(t *testing.T) {
	f := newFixture(t)
	var got sale.Request
	var traceID string
	f.seller.purchase = func(ctx context.Context, p sale.Request) (stock.Reservation, error) {
		got, traceID = p, trace.SpanContextFromContext(ctx).TraceID().String()
		return stock.Reservation{Order: testOrder(), State: stock.Held}, nil
	}
	w := f.send(t, buy(t))
	want := `{"id":"` + orderID + `","screening_id":"scr-1","quantity":2,"amount":{"amount":9800,"currency":"CNY"},` +
		`"status":"reserved","cancel_reason":null,"created_at":"2026-11-20T12:00:00.250Z",` +
		`"expires_at":"2026-11-20T12:15:00.250Z","server_time":"2026-11-20T12:00:00.250Z"}`
	if w.Code != http.StatusAccepted || w.Body.String() != want {
		t.Errorf("answered %d %s\nwant 202 %s", w.Code, w.Body, want)
	}
	if location := w.Header().Get("Location"); location != "/v1/orders/"+orderID {
		t.Errorf("Location is %q", location)
	}
	if want := (sale.Request{BuyerID: "alice", Key: "key-1", ScreeningID: screeningID, Quantity: 2}); got != want {
		t.Errorf("asked for %+v, want %+v", got, want)
	}
	if len(strings.Trim(traceID, "0")) == 0 {
		t.Error("the purchase has no trace id to carry on")
	}
}

// The same key was answered "reserved" after the order was paid or cancelled, until stock had heard of it, and GET said otherwise.
// Who buys for the first time costs the order service nothing, and a repeated purchase works without it.
func TestRepeatedPurchaseAsksTheOrderService(t *testing.T) {
	f := newFixture(t)
	asked := 0
	f.orders.find = func(...string) (map[string]order.Order, error) {
		asked++
		return map[string]order.Order{orderID: {Order: testOrder(), State: order.Paid}}, nil
	}
	if w := f.send(t, buy(t)); w.Code != http.StatusAccepted || field(t, w, "status") != "reserved" || asked != 0 {
		t.Errorf("the first time: %d %s, and the order service was asked %d times", w.Code, w.Body, asked)
	}
	f.seller.before = true
	if w := f.send(t, buy(t)); w.Code != http.StatusAccepted || field(t, w, "status") != "paid" || asked != 1 {
		t.Errorf("again: %d %s, and the order service was asked %d times", w.Code, w.Body, asked)
	}
	f.orders.find = func(...string) (map[string]order.Order, error) { return nil, order.ErrUnavailable }
	if w := f.send(t, buy(t)); w.Code != http.StatusAccepted || field(t, w, "status") != "reserved" {
		t.Errorf("again while the order service is away: %d %s", w.Code, w.Body)
	}
}

// A retry long after the sale meets a settled reservation, and must not be told that its tickets are still held.
func TestRepeatedPurchaseAnswersWhereTheOrderStands(t *testing.T) {
	f := newFixture(t)
	f.seller.before = true
	f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
		return stock.Reservation{Order: testOrder(), State: stock.Released}, nil
	}
	f.orders.find = func(...string) (map[string]order.Order, error) {
		return map[string]order.Order{orderID: {
			Order: testOrder(), State: order.Cancelled, CancelReason: order.CancelByBuyer,
		}}, nil
	}
	w := f.send(t, buy(t))
	if w.Code != http.StatusAccepted || field(t, w, "status") != "cancelled" || field(t, w, "cancel_reason") != "buyer" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestOrderRowOverlaysReservation(t *testing.T) {
	for name, c := range map[string]struct {
		reservation stock.ReservationState
		row         *order.Order
		status      string
		reason      string
	}{
		"no row yet":              {stock.Held, nil, "reserved", "null"},
		"created":                 {stock.Held, &order.Order{State: order.PendingPayment}, "pending_payment", "null"},
		"paid, not settled":       {stock.Held, &order.Order{State: order.Paid}, "paid", "null"},
		"cancelled, not settled":  {stock.Held, &order.Order{State: order.Cancelled, CancelReason: order.CancelUnpaid}, "cancelled", "unpaid"},
		"paid and settled":        {stock.Sold, &order.Order{State: order.Paid}, "paid", "null"},
		"settled, row not there":  {stock.Sold, nil, "paid", "null"},
		"released, row not there": {stock.Released, nil, "cancelled", "released"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			reservation := stock.Reservation{Order: testOrder(), State: c.reservation}
			f.stock.reservation = func(string, string) (stock.Reservation, error) { return reservation, nil }
			f.stock.reservations = func(string, string, int) ([]stock.Reservation, string, error) {
				return []stock.Reservation{reservation}, "next", nil
			}
			f.orders.find = func(ids ...string) (map[string]order.Order, error) {
				if c.row == nil {
					return nil, nil
				}
				row := *c.row
				row.Order = testOrder()
				return map[string]order.Order{ids[0]: row}, nil
			}
			w := f.send(t, ask{method: "GET", path: "/v1/orders/" + orderID, token: tokenFor(t, "alice", roleBuyer)})
			if w.Code != 200 || field(t, w, "status") != c.status || field(t, w, "cancel_reason") != c.reason {
				t.Errorf("answered %d %s, want %s %s", w.Code, w.Body, c.status, c.reason)
			}
			list := f.send(t, ask{method: "GET", path: "/v1/orders", token: tokenFor(t, "alice", roleBuyer)})
			if want := `{"items":[` + w.Body.String() + `],"next_cursor":"orders.next"}`; list.Body.String() != want {
				t.Errorf("listed %s, want %s", list.Body, want)
			}
			f.seller.before = true
			f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) { return reservation, nil }
			if again := f.send(t, buy(t)); again.Code != http.StatusAccepted || again.Body.String() != w.Body.String() {
				t.Errorf("the same key again: %d %s, want %s", again.Code, again.Body, w.Body)
			}
		})
	}
}

func TestForeignOrderIsAsAbsent(t *testing.T) {
	f := newFixture(t)
	bob := tokenFor(t, "bob", roleBuyer)
	for _, call := range []struct{ method, suffix string }{{"GET", ""}, {"POST", "/cancel"}} {
		foreign := f.send(t, ask{method: call.method, path: "/v1/orders/" + orderID + call.suffix, token: bob})
		absent := f.send(t, ask{method: call.method, path: "/v1/orders/nothere" + call.suffix, token: bob})
		wantProblem(t, foreign, 404, "not_found")
		if foreign.Body.String() != absent.Body.String() {
			t.Errorf("%s tells a foreign order %s from an absent one %s", call.method, foreign.Body, absent.Body)
		}
	}
}

func TestCancel(t *testing.T) {
	f := newFixture(t)
	alice := tokenFor(t, "alice", roleBuyer)
	path := "/v1/orders/" + orderID + "/cancel"
	w := f.send(t, ask{method: "POST", path: path, token: alice})
	if w.Code != 200 || field(t, w, "status") != "cancelled" || field(t, w, "cancel_reason") != "buyer" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	f.orders.cancel = func(event.Order) (order.Order, error) { return order.Order{}, order.ErrAlreadyPaid }
	wantProblem(t, f.send(t, ask{method: "POST", path: path, token: alice}), 409, "already_paid")
}

// The order service had lost an order whose tickets stock had long released, and the buyer's cancel made it anew, to be
// paid by a late payment. Now the cancel says whether the tickets are held, and stock's word is the answer when there is
// no order.
func TestCancelOfAnOrderThatOnlyStockRemembers(t *testing.T) {
	f := newFixture(t)
	alice := tokenFor(t, "alice", roleBuyer)
	path := "/v1/orders/" + orderID + "/cancel"
	f.orders.cancel = func(event.Order) (order.Order, error) { return order.Order{}, order.ErrOrderAbsent }
	f.stock.reservation = func(string, string) (stock.Reservation, error) {
		return stock.Reservation{Order: testOrder(), State: stock.Released}, nil
	}
	w := f.send(t, ask{method: "POST", path: path, token: alice})
	if w.Code != 200 || field(t, w, "status") != "cancelled" || f.orders.held {
		t.Errorf("released: answered %d %s, held %v", w.Code, w.Body, f.orders.held)
	}
	f.stock.reservation = func(string, string) (stock.Reservation, error) {
		return stock.Reservation{Order: testOrder(), State: stock.Sold}, nil
	}
	wantProblem(t, f.send(t, ask{method: "POST", path: path, token: alice}), 409, "already_paid")
	if f.orders.held {
		t.Error("sold tickets were called held")
	}
}

func TestScreenings(t *testing.T) {
	f := newFixture(t)
	admin := tokenFor(t, "root", roleAdmin)
	one := f.send(t, ask{method: "GET", path: "/v1/screenings/" + screeningID})
	want := `{"id":"scr-1","movie":"The \"Wandering\" Earth \u003cIII\u003e","venue":"Hall 1",` +
		`"starts_at":"2026-11-22T12:00:00.250Z","price":{"amount":4900,"currency":"CNY"},"capacity":100,"available":97,` +
		`"sale_opens_at":"2026-11-20T11:00:00.250Z","sale_closes_at":"2026-11-20T13:00:00.250Z","per_user_limit":4,` +
		`"late_payment":"refund","paused":false,"cancelled":false,"description":"A film.\nOf 1927.",` +
		`"poster_url":"https://x.example/p.jpg","map_url":"",` +
		`"server_time":"2026-11-20T12:00:00.250Z"}`
	if one.Body.String() != want {
		t.Errorf("answered %s\nwant %s", one.Body, want)
	}
	list := f.send(t, ask{method: "GET", path: "/v1/screenings?limit=100"})
	if want := `{"items":[` + want + `],"next_cursor":null}`; list.Body.String() != want {
		t.Errorf("listed %s", list.Body)
	}
	added := f.send(t, ask{method: "POST", path: "/v1/screenings", token: admin, body: newScreening()})
	if added.Code != 201 || added.Header().Get("Location") != "/v1/screenings/scr-1" || field(t, added, "available") != "7" ||
		field(t, added, "starts_at") != "2026-12-01T10:00:00.000Z" {
		t.Errorf("answered %d %s", added.Code, added.Body)
	}
	var change stock.ScreeningChange
	f.stock.changeScreening = func(_ string, c stock.ScreeningChange) (stock.Screening, error) {
		change = c
		return testScreening(), nil
	}
	path := "/v1/screenings/" + screeningID
	f.send(t, ask{method: "PATCH", path: path, token: admin, body: `{"capacity":80,"per_user_limit":3,"late_payment":"revive",` +
		`"sale_closes_at":"2026-12-01T00:00:00Z"}`})
	if change.Capacity == nil || *change.Capacity != 80 || change.PerUserLimit == nil || *change.PerUserLimit != 3 ||
		change.LatePayment == nil || *change.LatePayment != event.LateRevive ||
		change.SaleOpensAt != nil || change.SaleClosesAt == nil ||
		!change.SaleClosesAt.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("changed %+v", change)
	}
	f.stock.changeScreening = func(string, stock.ScreeningChange) (stock.Screening, error) {
		return stock.Screening{}, stock.ErrCapacityTooSmall
	}
	w := f.send(t, ask{method: "PATCH", path: path, token: admin, body: `{"capacity":1}`})
	wantProblem(t, w, 409, "capacity_too_small")
}

func newScreening() string {
	return `{"movie":"Heat","venue":"Hall 2","starts_at":"2026-12-01T18:00:00+08:00",
		"price":{"amount":4900,"currency":"CNY"},"capacity":7,
		"sale_opens_at":"2026-11-25T00:00:00Z","sale_closes_at":"2026-12-01T00:00:00Z","per_user_limit":2}`
}

func TestBuyerRate(t *testing.T) {
	now := testNow()
	f := newFixture(t, func(o *Options) {
		o.BuyerRate = 2
		o.Now = func() time.Time { return now }
	})
	accepted := func(n int) {
		t.Helper()
		for range n {
			if w := f.send(t, buy(t)); w.Code != http.StatusAccepted {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
		}
		wantProblem(t, f.send(t, buy(t)), http.StatusTooManyRequests, "rate_limited")
	}
	accepted(4)
	now = now.Add(time.Second)
	accepted(2)
	other := buy(t)
	other.token = tokenFor(t, "bob", roleBuyer)
	if w := f.send(t, other); w.Code != http.StatusAccepted {
		t.Errorf("another buyer was answered %d", w.Code)
	}
}

// One machine with many accounts is still one address. The payment provider's is not held to it: its calls are signed.
func TestAddressRate(t *testing.T) {
	now := testNow()
	f := newFixture(t, func(o *Options) {
		o.AddressRate = 1
		o.Now = func() time.Time { return now }
	})
	for n := range 2 {
		a := buy(t)
		a.token = tokenFor(t, fmt.Sprint("buyer-", n), roleBuyer)
		if w := f.send(t, a); w.Code != http.StatusAccepted {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	wantProblem(t, f.send(t, ask{method: "GET", path: "/v1/screenings"}), http.StatusTooManyRequests, "rate_limited")
	wantProblem(t, f.send(t, ask{method: "POST", path: CallbackPath, body: "{}"}), http.StatusUnauthorized, "bad_signature")
}

// In a sale that is over nearly every request is one that is refused from memory, so it must cost no more than that:
// the body, here one that would be refused itself, is not looked at.
func TestPurchaseIsRefusedBeforeItsBodyIsRead(t *testing.T) {
	f := newFixture(t)
	f.seller.refuse = func(screening, buyer, key string) error {
		if screening != screeningID || buyer != "alice" || key != "key-1" {
			t.Errorf("Refuse(%q, %q, %q)", screening, buyer, key)
		}
		return stock.ErrSoldOut
	}
	f.seller.purchase = func(context.Context, sale.Request) (stock.Reservation, error) {
		t.Error("Purchase was called for a purchase that was refused")
		return stock.Reservation{}, stock.ErrSoldOut
	}
	request := buy(t)
	request.body = `{"quantity":`
	if w := f.send(t, request); w.Code != http.StatusConflict || field(t, w, "code") != "sold_out" {
		t.Errorf("answered %d %s, want 409 sold_out", w.Code, w.Body)
	}
}
