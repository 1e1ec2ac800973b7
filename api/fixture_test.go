package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/golang-jwt/jwt/v5"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/identity"
	"boxoffice/live"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
	"boxoffice/sale"
	"boxoffice/stock"
)

const (
	testJWTSecret     = "0123456789abcdef0123456789abcdef"
	testWebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldWebhookSecret  = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

	testSessionLife = 2 * time.Hour

	screeningID = "scr-1"
	orderID     = "0f3k9d2m7q0x4c8b1n5f6h2j3a"

	testStreams, testBuyerStreams, testAddressStreams = 1400, 2, 1001
)

func testNow() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 250e6, time.UTC) }

// fakeStock answers with its function fields; a test replaces the one it is about.
type fakeStock struct {
	which           stock.SaleFilter // of the last list
	screenings      func(cursor string, limit int) ([]stock.Screening, string, error)
	screening       func(id string) (stock.Screening, error)
	addScreening    func(stock.Screening) (stock.Screening, error)
	changeScreening func(id string, change stock.ScreeningChange) (stock.Screening, error)
	reservation     func(buyerID, orderID string) (stock.Reservation, error)
	reservations    func(buyerID, cursor string, limit int) ([]stock.Reservation, string, error)
	seen            func() (map[string]stock.Screening, error) // by streams

	acts     []audit.Recorded // of operators
	archive  stock.Archive
	figures  stock.Figures
	requests []stock.OrderKey
}

func (f *fakeStock) Screenings(_ context.Context, which stock.SaleFilter, cursor string, limit int) ([]stock.Screening, string, error) {
	f.which = which
	return f.screenings(cursor, limit)
}
func (f *fakeStock) Screening(_ context.Context, id string) (stock.Screening, error) {
	return f.screening(id)
}
func (f *fakeStock) CreateScreening(_ context.Context, s stock.Screening, by audit.Act) (stock.Screening, error) {
	s.ID = screeningID
	if err := s.Validate(); err != nil {
		return stock.Screening{}, err
	}
	f.act("screening_create", screeningID, by)
	return f.addScreening(s)
}

func (f *fakeStock) act(what, subject string, by audit.Act) {
	f.acts = append(f.acts, audit.Recorded{
		Act: by, ID: fmt.Sprintf("%013x-stock-%d", testNow().UnixMilli(), len(f.acts)), At: testNow(), What: what, Subject: subject,
	})
}

func (f *fakeStock) CancelScreening(_ context.Context, id string, by audit.Act) (stock.Screening, error) {
	f.act("screening_cancel", id, by)
	return f.screening(id)
}

func (f *fakeStock) Cancellation(context.Context, string) (*stock.Cancellation, error) {
	return &stock.Cancellation{BeganAt: testNow()}, nil
}

func (f *fakeStock) Archive(context.Context, string) (stock.Archive, error) { return f.archive, nil }

func (f *fakeStock) Figures(context.Context, string) (stock.Figures, error) { return f.figures, nil }

func (f *fakeStock) Books(context.Context) (stock.AllBooks, error) {
	return stock.AllBooks{Of: map[string]stock.Books{
		"CNY": {Currency: "CNY", Sold: 3, SoldWorth: 90, Reserved: 2, ReservedWorth: 60, Released: 1},
		"USD": {Currency: "USD", Reserved: 1, ReservedWorth: 7},
	}}, nil
}

func (f *fakeStock) OrderKeys(_ context.Context, _ string, after int64, _ string, _ int) ([]stock.OrderKey, error) {
	if after > 0 {
		return nil, nil
	}
	return f.requests, nil
}

func (f *fakeStock) Acts(_ context.Context, filter audit.Filter, limit int) ([]audit.Recorded, error) {
	return latestActs(f.acts, filter, limit), nil
}

// latestActs is what a database answers that has these acts.
func latestActs(acts []audit.Recorded, filter audit.Filter, limit int) (found []audit.Recorded) {
	for _, a := range slices.Backward(acts) {
		if (filter.Subject == "" || filter.Subject == a.Subject) && (filter.Actor == "" || filter.Actor == a.Actor) &&
			(filter.BeforeID == "" || a.ID < filter.BeforeID) && len(found) < limit {
			found = append(found, a)
		}
	}
	return found
}
func (f *fakeStock) ChangeScreening(_ context.Context, id string, c stock.ScreeningChange) (stock.Screening, error) {
	if err := c.Validate(); err != nil {
		return stock.Screening{}, err
	}
	return f.changeScreening(id, c)
}
func (f *fakeStock) Reservation(_ context.Context, buyerID, id string) (stock.Reservation, error) {
	return f.reservation(buyerID, id)
}
func (f *fakeStock) Reservations(_ context.Context, buyerID, cursor string, limit int) ([]stock.Reservation, string, error) {
	return f.reservations(buyerID, cursor, limit)
}

func (f *fakeStock) ShownScreenings(context.Context, []string) (map[string]stock.Screening, error) {
	return f.seen()
}

type fakeSeller struct {
	refuse   func(screeningID, buyerID, key string) error
	purchase func(context.Context, sale.Request) (stock.Reservation, error)
	before   bool // an earlier request has bought it
}

func (f *fakeSeller) Refuse(_ context.Context, screeningID, buyerID, key string) error {
	if f.refuse == nil {
		return nil
	}
	return f.refuse(screeningID, buyerID, key)
}

func (f *fakeSeller) Purchase(ctx context.Context, p sale.Request) (sale.Bought, error) {
	reservation, err := f.purchase(ctx, p)
	return sale.Bought{Reservation: reservation, Before: f.before}, err
}

type fakeOrders struct {
	payment.Orders          // the calls that no test makes
	acts           []string // of operators: what, to what, why

	find   func(ids ...string) (map[string]order.Order, error)
	pay    func(order.Payment) (order.PaymentResult, error)
	cancel func(event.Order) (order.Order, error)
	held   bool // what the last cancel said of the tickets
}

func (f *fakeOrders) Find(_ context.Context, ids ...string) (map[string]order.Order, error) {
	return f.find(ids...)
}
func (f *fakeOrders) FindChanged(_ context.Context, seen []order.Seen) (map[string]order.Order, error) {
	changed := map[string]order.Order{}
	for _, s := range seen {
		rows, err := f.find(s.ID)
		if err != nil {
			return nil, err
		}
		if row, exists := rows[s.ID]; exists && row.Seen() != s {
			changed[s.ID] = row
		}
	}
	return changed, nil
}
func (f *fakeOrders) Pay(_ context.Context, p order.Payment) (order.PaymentResult, error) {
	return f.pay(p)
}
func (f *fakeOrders) Cancel(_ context.Context, o event.Order, held bool) (order.Order, error) {
	f.held = held
	return f.cancel(o)
}

func (f *fakeOrders) act(what, subject string, act audit.Act) {
	f.acts = append(f.acts, strings.Join([]string{what, subject, act.Actor, act.Note}, " "))
}

func (f *fakeOrders) CancelPaid(_ context.Context, id string, act audit.Act) (order.Order, error) {
	f.act("cancel", id, act)
	return order.Order{Order: testOrder(), State: order.Cancelled, CancelReason: order.CancelByOffice}, nil
}

func (f *fakeOrders) RefundPart(_ context.Context, id, key string, amount int64, act audit.Act) (string, error) {
	f.act(fmt.Sprint("refund ", amount, " by ", key), id, act)
	return "rf_1", nil
}

func (f *fakeOrders) RefundParked(_ context.Context, id string, act audit.Act) error {
	f.act("refund", id, act)
	return nil
}

func (f *fakeOrders) Reused(context.Context, int) ([]order.Reused, error) {
	return []order.Reused{{
		Claim:    order.Claim{PaymentID: "pay_1", OrderID: orderID, Amount: event.Money{Amount: 9800, Currency: "CNY"}, Since: testNow()},
		Provider: order.DefaultProvider,
	}}, nil
}

func (f *fakeOrders) SettleReused(_ context.Context, id, orderID string, amount event.Money, act audit.Act) error {
	f.act(fmt.Sprintf("settle reused %d %s of %s for %s", amount.Amount, amount.Currency, id, orderID), id, act)
	return nil
}

func (f *fakeOrders) PaymentsOf(_ context.Context, _ order.PaymentResult, after order.Claim, limit int) ([]order.Claim, error) {
	claims := []order.Claim{
		{PaymentID: "pay_1", OrderID: orderID, Amount: event.Money{Amount: 9800, Currency: "CNY"}, Since: testNow()},
		{PaymentID: "pay_2", OrderID: orderID, Amount: event.Money{Amount: 100, Currency: "CNY"}, Since: testNow()},
	}
	claims = slices.DeleteFunc(claims, func(c order.Claim) bool {
		return c.Since.Before(after.Since) || c.Since.Equal(after.Since) && c.PaymentID <= after.PaymentID
	})
	return claims[:min(limit, len(claims))], nil
}

func (f *fakeOrders) Acts(_ context.Context, filter audit.Filter, limit int) ([]audit.Recorded, error) {
	return latestActs([]audit.Recorded{{
		Act: audit.Act{Actor: "me", Note: "why"}, ID: fmt.Sprintf("%013x-order", testNow().UnixMilli()), At: testNow(),
		What: "cancel", Subject: orderID, Before: json.RawMessage(`{"state":"PAID"}`), After: json.RawMessage(`{"state":"CANCELLED"}`),
	}}, filter, limit), nil
}

func (f *fakeOrders) SumMoney(_ context.Context, ids []string) (order.Money, error) {
	return order.Money{Received: 100 * int64(len(ids)), Refunded: 10 * int64(len(ids))}, nil
}

// fakePayments is the payment service, but for the calls that need a database.
type fakePayments struct {
	*payment.Service
	orders *fakeOrders
	start  func(event.Order, string) (payment.Opened, error)
	ended  []string // ids of orders
	states []string // that the last list of refunds was asked for
}

func (f *fakePayments) Start(_ context.Context, o event.Order, provider, _ string) (payment.Opened, error) {
	return f.start(o, provider)
}

func testRefund() payment.RefundInfo {
	return payment.RefundInfo{
		ID: "rf_1", PaymentID: "pay_1", OrderID: orderID, Provider: "webhook", Amount: event.Money{Amount: 9800, Currency: "CNY"},
		Reason: "already_paid", State: "due", CreatedAt: testNow(), ChangedAt: testNow(),
	}
}

func (f *fakePayments) Refunds(_ context.Context, states []string, _ string, _ int) ([]payment.RefundInfo, string, error) {
	f.states = states
	return []payment.RefundInfo{testRefund()}, "rf_1", nil
}

func (f *fakePayments) RefundsOf(_ context.Context, id string) ([]payment.RefundInfo, error) {
	refund := testRefund()
	refund.OrderID = id
	return []payment.RefundInfo{refund}, nil
}

func (f *fakePayments) Retry(_ context.Context, id string, act audit.Act) (payment.RefundInfo, error) {
	f.orders.act("retry", id, act)
	return testRefund(), nil
}

func (f *fakePayments) SettleByHand(_ context.Context, id string, act audit.Act) (payment.RefundInfo, error) {
	f.orders.act("settle", id, act)
	return testRefund(), nil
}

// CheckPart stands for a provider that sends back multiples of five minor units.
func (f *fakePayments) CheckPart(_ context.Context, _ string, amount int64) error {
	if amount%5 != 0 {
		return payment.BadPart{Detail: "amount must be a multiple of 5."}
	}
	return nil
}

func (f *fakePayments) Ledgers(context.Context) ([]payment.Ledger, error) {
	return []payment.Ledger{{Currency: "CNY", Received: 300, Applied: 100, Refunded: 150, Returning: 30, Parked: 20, OrdersDue: 100}}, nil
}

func (f *fakePayments) OrderEnded(_ context.Context, orderID string) error {
	f.ended = append(f.ended, orderID)
	return nil
}

// fixture is an office over fakes in which alice holds one order of one screening.
type fixture struct {
	stock  *fakeStock
	seller *fakeSeller
	orders *fakeOrders

	payments *fakePayments
	desk     *fakeDesk
	doctor   *fakeDoctor
	archive  func(id string) error // what becomes of a request for the archive

	live    *live.Hub
	handler http.Handler
	log     *logBuffer
	router  routers.Router
}

// logBuffer is a log that a test may read while the office writes.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func testScreening() stock.Screening {
	return stock.Screening{
		ID: screeningID, Movie: `The "Wandering" Earth <III>`, Venue: "Hall 1", StartsAt: testNow().Add(48 * time.Hour),
		Price: event.Money{Amount: 4900, Currency: "CNY"}, Capacity: 100, Available: 97, Reserved: 2, Sold: 1,
		SaleOpensAt: testNow().Add(-time.Hour), SaleClosesAt: testNow().Add(time.Hour), PerUserLimit: 4,
		Texts: stock.Texts{Description: "A film.\nOf 1927.", PosterURL: "https://x.example/p.jpg"},
	}
}

func testOrder() event.Order {
	return event.Order{
		ID: orderID, ScreeningID: screeningID, BuyerID: "alice", Quantity: 2,
		Amount:    event.Money{Amount: 9800, Currency: "CNY"},
		CreatedAt: testNow().UnixMilli(), ExpiresAt: testNow().Add(15 * time.Minute).UnixMilli(),
	}
}

// newFixture makes the office; change may replace options.
func newFixture(t testing.TB, change ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{log: &logBuffer{}, router: specRouter(t)}
	f.stock = &fakeStock{
		screenings: func(string, int) ([]stock.Screening, string, error) {
			return []stock.Screening{testScreening()}, "", nil
		},
		screening: func(id string) (stock.Screening, error) {
			if id != screeningID {
				return stock.Screening{}, stock.ErrScreeningNotFound
			}
			return testScreening(), nil
		},
		addScreening: func(s stock.Screening) (stock.Screening, error) {
			s.ID = screeningID
			return s, nil
		},
		changeScreening: func(id string, _ stock.ScreeningChange) (stock.Screening, error) {
			return f.stock.screening(id)
		},
		reservation: func(buyer, id string) (stock.Reservation, error) {
			if buyer != "alice" || id != orderID {
				return stock.Reservation{}, stock.ErrReservationAbsent
			}
			return stock.Reservation{Order: testOrder(), State: stock.Held}, nil
		},
		seen: func() (map[string]stock.Screening, error) {
			return map[string]stock.Screening{screeningID: testScreening()}, nil
		},
		reservations: func(buyer, _ string, _ int) ([]stock.Reservation, string, error) {
			if buyer != "alice" {
				return nil, "", nil
			}
			return []stock.Reservation{{Order: testOrder(), State: stock.Held}}, "", nil
		},
	}
	f.seller = &fakeSeller{purchase: func(_ context.Context, p sale.Request) (stock.Reservation, error) {
		if p.ScreeningID != screeningID {
			return stock.Reservation{}, stock.ErrScreeningNotFound
		}
		return stock.Reservation{Order: testOrder(), State: stock.Held}, nil
	}}
	f.orders = &fakeOrders{
		find: func(...string) (map[string]order.Order, error) { return nil, nil },
		pay:  func(order.Payment) (order.PaymentResult, error) { return order.Applied, nil },
		cancel: func(o event.Order) (order.Order, error) {
			return order.Order{Order: o, State: order.Cancelled, CancelReason: order.CancelByBuyer}, nil
		},
	}
	f.payments = newPayments(t, f.orders)
	f.archive = func(string) error { return nil }
	f.desk, f.doctor = newDesk(), newDoctor()
	f.live = live.New(live.Options{
		Orders: f.orders, Screenings: f.stock, Streams: testStreams, BuyerStreams: testBuyerStreams, AddressStreams: testAddressStreams,
		Log: slog.New(slog.NewJSONHandler(f.log, nil)),
	})
	opts := Options{
		Stock: f.stock, Seller: f.seller, Orders: f.orders,
		Payments: f.payments, Live: f.live,
		Archive: func(_ context.Context, id string, by audit.Act) error {
			f.stock.act("screening_archive", id, by)
			return f.archive(id)
		},
		Operators: &Operators{Desk: f.desk, Doctor: f.doctor, Processes: fakeProcesses{}},
		Now:       testNow, Log: slog.New(slog.NewJSONHandler(f.log, nil)),
	}
	for _, apply := range change {
		apply(&opts)
	}
	if opts.Identity == nil {
		opts.Identity = newIdentity(t, identity.Options{Now: opts.Now})
	}
	handler, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	f.handler = handler
	return f
}

// newIdentity knows the tokens of the tests.
func newIdentity(t testing.TB, options identity.Options) *identity.Service {
	t.Helper()
	options.Secret, options.SessionLife = []byte(testJWTSecret), testSessionLife
	known, err := identity.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// newPayments returns the payment service, without a database: a callback that brings a payment calls only the order
// service.
func newPayments(t testing.TB, orders *fakeOrders) *fakePayments {
	t.Helper()
	provider, err := webhook.New(webhook.Options{Secrets: []string{testWebhookSecret, oldWebhookSecret}, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	service := payment.New(&db.DB{}, payment.Options{
		Orders: orders, Providers: []payment.Provider{provider}, Now: testNow, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(service.Close)
	return &fakePayments{Service: service, orders: orders, start: func(o event.Order, provider string) (payment.Opened, error) {
		return payment.Opened{
			ID: "attempt", Provider: provider, ExpiresAt: time.UnixMilli(o.ExpiresAt),
			Action: payment.Action{Kind: payment.Redirect, URL: "https://pay.example/attempt"},
		}, nil
	}}
}

// signTestCallback signs as the payment provider of the tests does.
func signTestCallback(t testing.TB) func(http.Header, string, []byte) {
	t.Helper()
	provider, err := webhook.New(webhook.Options{Secrets: []string{testWebhookSecret}, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	return provider.Sign
}

func withDemo(o *Options) {
	o.Demo = &Demo{
		CallbackURL: func() string { return "http://127.0.0.1:1/v1/payments/callback" },
		Sign:        func(http.Header, string, []byte) {},
	}
}

// ask is one request of a test.
type ask struct {
	method, path, body string
	token              string
	header             http.Header
	host               string // of a demo's route; empty: this machine
}

// send handles one request, and holds the answer against openapi.yaml.
func (f *fixture) send(t *testing.T, a ask) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(a.method, a.path, strings.NewReader(a.body))
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range a.header {
		r.Header[name] = values
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if strings.HasPrefix(a.path, "/v1/dev/") {
		r.Host = cmp.Or(a.host, "127.0.0.1:8080")
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	f.wantSpec(t, r, w)
	return w
}

func (f *fixture) wantSpec(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	route, params, err := f.router.FindRoute(r)
	if err != nil {
		page := strings.HasPrefix(r.URL.Path, "/web/")
		if !page && w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s answered %d and is not in openapi.yaml", r.Method, r.URL, w.Code)
		}
		return
	}
	if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route, PathParams: params},
		Status:                 w.Code,
		Header:                 w.Header(),
		Body:                   io.NopCloser(strings.NewReader(w.Body.String())),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
		},
	}); err != nil {
		t.Errorf("%s %s answered %d %s: %v", r.Method, r.URL, w.Code, w.Body, err)
	}
}

// readSpec loads and validates the document once for all tests.
var readSpec = sync.OnceValues(func() (*openapi3.T, error) {
	raw, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	openapi3filter.RegisterBodyDecoder("application/yaml", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.FileBodyDecoder)
	return openapi3.NewLoader().LoadFromData(raw)
})

func specDocument(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := readSpec()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func specRouter(t testing.TB) routers.Router {
	t.Helper()
	router, err := gorillamux.NewRouter(specDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// tokenFor makes a token that is good for the office; change may spoil it.
func tokenFor(t testing.TB, subject string, role identity.Roles, change ...func(jwt.MapClaims)) string {
	t.Helper()
	body := jwt.MapClaims{"sub": subject, "role": role.String(), "exp": testNow().Add(time.Hour).Unix()}
	for _, apply := range change {
		apply(body)
	}
	return signToken(t, jwt.SigningMethodHS256, []byte(testJWTSecret), body)
}

func signToken(t testing.TB, method jwt.SigningMethod, key any, body jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(method, body).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
