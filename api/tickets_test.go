package api

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/identity"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// withTickets adds the service of tickets over the orders that the fixture's fake finds.
func withTickets(t *testing.T) func(*Options) {
	t.Helper()
	migrations, err := sql.Tickets()
	if err != nil {
		t.Fatal(err)
	}
	seed := base64.StdEncoding.EncodeToString(make([]byte, 32))
	keys, err := tickets.ParseKeys([]string{seed})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) {
		o.Tickets = tickets.New(dbtest.New(t, migrations), tickets.Options{
			Orders: o.Orders, Keys: keys, Now: testNow, Log: slog.New(slog.DiscardHandler),
		})
	}
}

// newTicketFixture is an office in which alice's order is in this state.
func newTicketFixture(t *testing.T, state order.State, reason order.CancelReason) *fixture {
	t.Helper()
	f := newFixture(t, withTickets(t))
	f.findOrder(state, reason)
	return f
}

func (f *fixture) findOrder(state order.State, reason order.CancelReason) {
	f.orders.find = func(ids ...string) (map[string]order.Order, error) {
		found := map[string]order.Order{}
		for _, id := range ids {
			if id == orderID {
				found[id] = order.Order{Order: testOrder(), State: state, CancelReason: reason}
			}
		}
		return found, nil
	}
}

type ticketsJSON struct {
	ScreeningID string `json:"screening_id"`
	Items       []struct {
		ID, Code, State string
		Number, Of      int
		QRImage         string  `json:"qr_image"`
		UsedAt          *string `json:"used_at"`
	}
}

func (f *fixture) tickets(t *testing.T, query string) (found ticketsJSON) {
	t.Helper()
	w := f.send(t, ask{method: "GET", path: "/v1/orders/" + orderID + "/tickets" + query, token: tokenFor(t, "alice", roleBuyer)})
	if err := json.Unmarshal(w.Body.Bytes(), &found); w.Code != http.StatusOK || err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return found
}

func (f *fixture) checkIn(t *testing.T, body, key, token string) ask {
	t.Helper()
	return ask{method: "POST", path: "/v1/checkins", body: body, token: token, header: http.Header{"Idempotency-Key": {key}}}
}

func TestTicketsOfAnOrder(t *testing.T) {
	f := newTicketFixture(t, order.Paid, "")
	found := f.tickets(t, "")
	if found.ScreeningID != screeningID || len(found.Items) != 2 || found.Items[1].Number != 2 || found.Items[1].Of != 2 ||
		found.Items[0].State != "valid" || found.Items[0].Code == found.Items[1].Code || found.Items[0].QRImage != "" {
		t.Errorf("tickets %+v", found)
	}
	if drawn := f.tickets(t, "?qr=true"); !strings.HasPrefix(drawn.Items[0].QRImage, "data:image/png;base64,") {
		t.Errorf("QR image %.40s", drawn.Items[0].QRImage)
	}
	path := "/v1/orders/" + orderID + "/tickets"
	wantProblem(t, f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "eve", roleBuyer)}), http.StatusNotFound, "not_found")
	wantProblem(t, f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "sam", roleStaff)}), http.StatusForbidden, "forbidden")
	wantProblem(t, f.send(t, ask{method: "GET", path: path + "?qr=yes", token: tokenFor(t, "alice", roleBuyer)}), 400, "invalid_request")
	for _, state := range []order.State{order.PendingPayment, order.Cancelled} {
		f := newTicketFixture(t, state, "")
		wantProblem(t, f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)}), http.StatusConflict, "not_paid")
	}
	f.findOrder(order.Cancelled, order.CancelByOffice)
	if found := f.tickets(t, "?qr=true"); found.Items[0].State != "void" || found.Items[0].QRImage != "" {
		t.Errorf("tickets of a returned order: %+v", found)
	}
}

func TestCheckInAdmitsOnceAndSaysWhy(t *testing.T) {
	f := newTicketFixture(t, order.Paid, "")
	code := f.tickets(t, "").Items[0].Code
	body := `{"code":"` + code + `","screening_id":"` + screeningID + `","gate":"North"}`
	for range 2 { // the second one is a retry
		w := f.send(t, f.checkIn(t, body, "k1", tokenFor(t, "sam", roleStaff)))
		if body := w.Body.String(); w.Code != http.StatusOK || strings.Contains(body, code) ||
			!strings.Contains(body, `"gate":"North"`) || !strings.Contains(body, `"venue":"Hall 1"`) {
			t.Errorf("check in: %d %s", w.Code, w.Body)
		}
	}
	w := f.send(t, f.checkIn(t, body, "k2", tokenFor(t, "boss", roleAdmin)))
	wantProblem(t, w, http.StatusConflict, "ticket_used")
	if !strings.Contains(w.Body.String(), `"used_at":"`+formatTime(testNow())+`","used_gate":"North"`) {
		t.Errorf("used ticket: %s", w.Body)
	}
	staff := tokenFor(t, "sam", roleStaff)
	for _, test := range []struct {
		body, token string
		status      int
		code        string
	}{
		{`{"code":"x"}`, staff, 409, "ticket_invalid"},
		{`{"code":""}`, staff, 409, "ticket_invalid"},
		{`{"code":"` + code + `","screening_id":"scr-2"}`, staff, 409, "wrong_screening"},
		{`{"code":"` + code + `","screening_id":"a b"}`, staff, 422, "invalid_request"},
		{`{"code":"` + code + `","gate":"` + strings.Repeat("g", 65) + `"}`, staff, 422, "invalid_request"},
		{`{"code":"` + code + `","gate":"a\u0007b"}`, staff, 422, "invalid_request"},
		{`{"code":"` + code + `","door":"x"}`, staff, 400, "invalid_request"},
		{body, tokenFor(t, "alice", roleBuyer), 403, "forbidden"},
	} {
		wantProblem(t, f.send(t, f.checkIn(t, test.body, "k3", test.token)), test.status, test.code)
	}
	wantProblem(t, f.send(t, ask{method: "POST", path: "/v1/checkins", body: body, token: staff}), 400, "idempotency_key_missing")
	f.findOrder(order.Cancelled, order.CancelByOffice)
	wantProblem(t, f.send(t, f.checkIn(t, body, "k1", staff)), 409, "ticket_void")
}

// The log's line of each check-in said that somebody had acted on "": of whom it was nobody could tell.
func TestCheckInsAreLoggedWithTheirTicket(t *testing.T) {
	f := newTicketFixture(t, order.Paid, "")
	ticket := f.tickets(t, "").Items[0]
	body := `{"code":"` + ticket.Code + `","screening_id":"` + screeningID + `"}`
	if w := f.send(t, f.checkIn(t, body, "k1", tokenFor(t, "sam", roleStaff))); w.Code != http.StatusOK {
		t.Fatalf("check in: %d %s", w.Code, w.Body)
	}
	want := `"operator":"sam","act":"POST /v1/checkins","subject":"` + ticket.ID + `"`
	if log := f.log.String(); !strings.Contains(log, want) || strings.Contains(log, ticket.Code) {
		t.Errorf("logged %s, want %s and no code", log, want)
	}
}

func TestStaffSeesTheScreening(t *testing.T) {
	f := newTicketFixture(t, order.Paid, "")
	code := f.tickets(t, "").Items[0].Code
	staff := tokenFor(t, "sam", roleStaff)
	f.send(t, f.checkIn(t, `{"code":"`+code+`","screening_id":"`+screeningID+`"}`, "k", staff))
	path := "/v1/screenings/" + screeningID
	w := f.send(t, ask{method: "GET", path: path + "/checkins", token: staff})
	if !strings.Contains(w.Body.String(), `"sold":1,"issued":2,"entered":1,"void":0`) {
		t.Errorf("counts: %d %s", w.Code, w.Body)
	}
	w = f.send(t, ask{method: "GET", path: path + "/tickets?limit=1", token: staff})
	if !strings.Contains(w.Body.String(), `"next_cursor":"tickets.`+orderID+`-1"`) || strings.Contains(w.Body.String(), "code") {
		t.Errorf("list: %d %s", w.Code, w.Body)
	}
	w = f.send(t, ask{method: "GET", path: path + "/tickets?cursor=tickets." + orderID + "-1", token: staff})
	if !strings.Contains(w.Body.String(), `"number":2`) || !strings.Contains(w.Body.String(), `"next_cursor":null`) {
		t.Errorf("second page: %d %s", w.Code, w.Body)
	}
	for _, what := range []string{"/checkins", "/tickets"} {
		wantProblem(t, f.send(t, ask{method: "GET", path: path + what, token: tokenFor(t, "alice", roleBuyer)}), 403, "forbidden")
	}
	wantProblem(t, f.send(t, ask{method: "GET", path: "/v1/screenings/none/checkins", token: staff}), 404, "not_found")
	w = f.send(t, ask{method: "GET", path: "/v1/tickets/key"})
	if !strings.Contains(w.Body.String(), `"kty":"OKP","crv":"Ed25519"`) {
		t.Errorf("keys: %d %s", w.Code, w.Body)
	}
}

// A guest comes ten days early to a door that names no screening, and is not let in; to one that names the guest's, and close
// to its beginning to any, the guest is. Long after it nobody is, and used tickets may be gone by then. A database of stock
// that is away closes no door.
func TestDoorOpensAtTheTimeOfTheScreening(t *testing.T) {
	f := newTicketFixture(t, order.Paid, "")
	codes := f.tickets(t, "").Items
	staff := tokenFor(t, "sam", roleStaff)
	door := func(code, screening, key string) *httptest.ResponseRecorder {
		t.Helper()
		body := `{"code":"` + code + `"}`
		if screening != "" {
			body = `{"code":"` + code + `","screening_id":"` + screening + `"}`
		}
		return f.send(t, f.checkIn(t, body, key, staff))
	}
	begins := func(in time.Duration) {
		f.stock.screening = func(string) (stock.Screening, error) {
			s := testScreening()
			s.StartsAt = testNow().Add(in)
			return s, nil
		}
	}
	for in, want := range map[time.Duration]string{
		240 * time.Hour: "ticket_early", 12*time.Hour + time.Minute: "ticket_early", -12*time.Hour - time.Minute: "ticket_over",
	} {
		begins(in)
		w := door(codes[0].Code, "", "k")
		wantProblem(t, w, 409, want)
		if place := `"screening":{"id":"` + screeningID + `"`; !strings.Contains(w.Body.String(), place) {
			t.Errorf("%s does not say what the ticket is for: %s", want, w.Body)
		}
	}
	begins(-7*24*time.Hour - time.Minute)
	wantProblem(t, door(codes[0].Code, screeningID, "k"), 409, "ticket_over")
	begins(11 * time.Hour)
	if w := door(codes[0].Code, "", "k"); w.Code != http.StatusOK {
		t.Errorf("tonight: %d %s", w.Code, w.Body)
	}
	begins(240 * time.Hour)
	if w := door(codes[1].Code, screeningID, "k"); w.Code != http.StatusOK {
		t.Errorf("a door that is for this screening: %d %s", w.Code, w.Body)
	}
	f.stock.screening = func(string) (stock.Screening, error) { return stock.Screening{}, stock.ErrUnavailable }
	if w := door(codes[1].Code, "", "k"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"screening":null`) {
		t.Errorf("without stock: %d %s", w.Code, w.Body)
	}
}

// A buyer asks for the tickets of an order twice: the second time no code is drawn. Who would wait too long for codes is told
// to come back.
func TestTicketsKeepTheirDrawnCodes(t *testing.T) {
	var drawn atomic.Int32
	var opts Options
	f := newFixture(t, withTickets(t), func(o *Options) {
		o.Identity = newIdentity(t, identity.Options{Now: o.Now})
		opts = *o
	})
	f.findOrder(order.Paid, "")
	h, err := newHandler(opts)
	if err != nil {
		t.Fatal(err)
	}
	if f.handler, err = h.routes(); err != nil {
		t.Fatal(err)
	}
	h.qrImages.draw = func(text string) (string, error) {
		drawn.Add(1)
		return "image of " + text, nil
	}
	for range 2 {
		if found := f.tickets(t, "?qr=true"); found.Items[1].QRImage != "image of "+found.Items[1].Code {
			t.Errorf("tickets %+v", found)
		}
	}
	if drawn.Load() != 2 {
		t.Errorf("%d codes were drawn for two tickets", drawn.Load())
	}
	h.qrImages.turn <- struct{}{}
	f.tickets(t, "?qr=true")
	h.qrImages.kept.Purge()
	h.qrImages.wait = time.Millisecond
	path := "/v1/orders/" + orderID + "/tickets?qr=true"
	w := f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)})
	wantProblem(t, w, http.StatusServiceUnavailable, "busy")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// An office without a key for tickets has none of it.
func TestOfficeWithoutTicketsHasNoRoutes(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/tickets", "/check-in", "/v1/tickets/key", "/v1/orders/" + orderID + "/tickets"} {
		if w := f.send(t, ask{method: "GET", path: path, token: tokenFor(t, "alice", roleBuyer)}); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
