package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/scripts/client"
)

const fakeJWTSecret = "0123456789abcdef0123456789abcdef"

func fakeWebhookSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
}

// fakeShop is as much of the box office as the load tester sees, with a fault to inject.
type fakeShop struct {
	t       *testing.T
	demo    bool
	refuse  func(n int) (status int, code string) // of the n-th purchase; 0 lets it through
	lie     func(available int64) int64           // what GET says is available
	cut     func(n int) bool                      // does the purchase and loses the answer
	window  time.Duration                         // to pay in; 0 is an hour
	lag     time.Duration                         // from the end of the window until the ticket is back
	away    func(n int) bool                      // the n-th reading of an order or the screening is answered 503
	reads   int
	dark    bool                 // the screening is answered 503
	rights  int                  // status of the answer to a PATCH; 0 is 200
	closes  time.Time            // as the last PATCH has it
	made    map[string]time.Time // by order
	mu      sync.Mutex
	n       int
	left    int64
	total   int64
	orders  map[string]string // key to order
	buyers  map[string]string // order to buyer
	paid    map[string]bool
	callers map[string]bool
}

func newFakeShop(t *testing.T) *fakeShop {
	t.Helper()
	return &fakeShop{t: t, demo: true, orders: map[string]string{}, buyers: map[string]string{}, paid: map[string]bool{}, callers: map[string]bool{},
		window: time.Hour, made: map[string]time.Time{}}
}

// load runs the load tester against the shop.
func (f *fakeShop) load(env map[string]string, args ...string) (report, error) {
	f.t.Helper()
	server := httptest.NewServer(f.routes())
	f.t.Cleanup(server.Close)
	var out bytes.Buffer
	args = append([]string{"-shop", server.URL, "-json", "-settle", "2s"}, args...)
	err := run(f.t.Context(), args, func(name string) string { return env[name] }, &out, io.Discard)
	var r report
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			f.t.Fatalf("%v in %q", err, out.String())
		}
	}
	return r, err
}

func (f *fakeShop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/dev/tokens", f.makeToken)
	mux.HandleFunc("POST /v1/dev/payments", f.simulate)
	mux.HandleFunc("POST /v1/payments/callback", f.callback)
	mux.HandleFunc("POST /v1/screenings", f.add)
	mux.HandleFunc("GET /v1/screenings/s1", f.screening)
	mux.HandleFunc("PATCH /v1/screenings/s1", f.change)
	mux.HandleFunc("POST /v1/screenings/s1/orders", f.purchase)
	mux.HandleFunc("GET /v1/orders/{id}", f.order)
	return mux
}

func (f *fakeShop) who(r *http.Request) (user, role string) {
	token, err := jwt.Parse(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
		func(*jwt.Token) (any, error) { return []byte(fakeJWTSecret), nil }, jwt.WithExpirationRequired())
	if err != nil {
		f.t.Errorf("token: %v", err)
		return "", ""
	}
	claims := token.Claims.(jwt.MapClaims)
	return fmt.Sprint(claims["sub"]), fmt.Sprint(claims["role"])
}

func (f *fakeShop) makeToken(w http.ResponseWriter, r *http.Request) {
	var body struct{ User, Role string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !f.demo {
		http.NotFound(w, r)
		return
	}
	token, err := signToken([]byte(fakeJWTSecret), body.User, body.Role)
	if err != nil {
		f.t.Error(err)
	}
	answerJSON(w, http.StatusOK, map[string]any{"token": token})
}

func (f *fakeShop) add(w http.ResponseWriter, r *http.Request) {
	var body struct{ Capacity int64 }
	if _, role := f.who(r); role != "admin" || json.NewDecoder(r.Body).Decode(&body) != nil {
		f.t.Error("a screening was added by somebody else than the administrator, or badly")
	}
	f.total, f.left = body.Capacity, body.Capacity
	answerJSON(w, http.StatusCreated, screening{"s1", f.total, f.left})
}

func (f *fakeShop) change(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rights != 0 {
		answerJSON(w, f.rights, map[string]any{"code": "forbidden"})
		return
	}
	var body struct {
		SaleClosesAt time.Time `json:"sale_closes_at"`
	}
	if _, role := f.who(r); role != "admin" || json.NewDecoder(r.Body).Decode(&body) != nil {
		f.t.Error("a screening was changed by somebody else than the administrator, or badly")
	}
	f.closes = body.SaleClosesAt
	answerJSON(w, http.StatusOK, screening{"s1", f.total, f.left})
}

func (f *fakeShop) screening(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dark {
		answerJSON(w, http.StatusServiceUnavailable, map[string]any{"code": "unavailable"})
		return
	}
	if f.isAway(w) {
		return
	}
	available := f.left
	for id, at := range f.made {
		if !f.paid[id] && time.Since(at) > f.window+f.lag {
			available++
		}
	}
	if f.lie != nil {
		available = f.lie(available)
	}
	answerJSON(w, http.StatusOK, screening{"s1", f.total, available})
}

func (f *fakeShop) purchase(w http.ResponseWriter, r *http.Request) {
	buyer, role := f.who(r)
	key := r.Header.Get("Idempotency-Key")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	f.callers[buyer] = true
	if role != "buyer" || key == "" {
		f.t.Errorf("purchase by %s as %s with key %q", buyer, role, key)
	}
	if f.refuse != nil {
		if status, code := f.refuse(f.n); status != 0 {
			answerJSON(w, status, map[string]any{"code": code})
			return
		}
	}
	id, known := f.orders[key]
	if !known {
		if f.left == 0 {
			answerJSON(w, http.StatusConflict, map[string]any{"code": "sold_out"})
			return
		}
		f.left--
		id = fmt.Sprintf("o%d", len(f.orders))
		f.orders[key], f.buyers[id], f.made[id] = id, buyer, time.Now()
	}
	if f.cut != nil && f.cut(f.n) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Location", "/v1/orders/"+id)
	answerJSON(w, http.StatusAccepted, map[string]any{"id": id})
}

func (f *fakeShop) order(w http.ResponseWriter, r *http.Request) {
	buyer, _ := f.who(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	id := r.PathValue("id")
	if f.buyers[id] != buyer {
		http.NotFound(w, r)
		return
	}
	if f.isAway(w) {
		return
	}
	now, expires := time.Now(), f.made[id].Add(f.window)
	status := "pending_payment"
	switch {
	case f.paid[id]:
		status = "paid"
	case now.After(expires):
		status = "cancelled"
	}
	answerJSON(w, http.StatusOK, map[string]any{"id": id, "status": status, "expires_at": expires, "server_time": now})
}

func (f *fakeShop) isAway(w http.ResponseWriter) bool {
	f.reads++
	if f.away == nil || !f.away(f.reads) {
		return false
	}
	answerJSON(w, http.StatusServiceUnavailable, map[string]any{"code": "unavailable"})
	return true
}

func (f *fakeShop) simulate(w http.ResponseWriter, r *http.Request) {
	var body struct {
		OrderID string `json:"order_id"`
	}
	buyer, _ := f.who(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || f.buyers[body.OrderID] != buyer {
		f.t.Errorf("%s pays %q, %v", buyer, body.OrderID, err)
	}
	f.paid[body.OrderID] = true
	answerJSON(w, http.StatusOK, map[string]any{"result": "applied"})
}

func (f *fakeShop) callback(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	signer, err := standardwebhooks.NewWebhook(fakeWebhookSecret())
	if err != nil {
		f.t.Fatal(err)
	}
	var body struct {
		Type string
		Data struct {
			OrderID string `json:"order_id"`
			Amount  int64
		}
	}
	if err := errors.Join(signer.Verify(raw, r.Header), json.Unmarshal(raw, &body)); err != nil ||
		body.Type != "payment.succeeded" || body.Data.Amount != client.TicketPrice {
		f.t.Errorf("callback %s: %v", raw, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paid[body.Data.OrderID] = true
	answerJSON(w, http.StatusOK, map[string]any{"result": "parked"})
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func TestASaleIsCountedAndPaid(t *testing.T) {
	f := newFakeShop(t)
	r, err := f.load(nil, "-buyers", "20", "-rate", "1000", "-for", "500ms", "-tickets", "100", "-pay", "0.7")
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 100 || r.SoldOut != 400 || r.Busy+r.Other+r.NotSent != 0 || r.Paid != 70 || !r.OK ||
		r.Verdict != (verdict{Capacity: 100, Read: 100}) {
		t.Errorf("%+v", r)
	}
	if len(f.callers) != 20 || len(f.paid) != 70 || f.n != 500 {
		t.Errorf("%d buyers, %d paid, %d purchases", len(f.callers), len(f.paid), f.n)
	}
}

func TestASaleWithSecretsSignsItsOwn(t *testing.T) {
	f := newFakeShop(t)
	f.demo = false
	env := map[string]string{"JWT": fakeJWTSecret, "HOOK": fakeWebhookSecret()}
	r, err := f.load(env, "-buyers", "4", "-rate", "400", "-for", "100ms", "-pay", "1", "-jwt-secret-env", "JWT", "-webhook-secret-env", "HOOK")
	if err != nil || r.Accepted != 40 || r.Paid != 40 || len(f.paid) != 40 {
		t.Errorf("%+v, %v, %d paid", r, err, len(f.paid))
	}
}

// The office trims its secrets; the tester signed with the line break that a file had added, and was answered 401 throughout.
func TestLineBreaksAroundSecretsAreNotPartOfThem(t *testing.T) {
	f := newFakeShop(t)
	f.demo = false
	env := map[string]string{"JWT": " " + fakeJWTSecret + "\r\n", "HOOK": fakeWebhookSecret() + " whsec_b2xk\n", "BLANK": " \n"}
	r, err := f.load(env, "-buyers", "2", "-rate", "400", "-for", "50ms", "-pay", "1", "-jwt-secret-env", "JWT", "-webhook-secret-env", "HOOK")
	if err != nil || r.Accepted != 20 || r.Paid != 20 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := f.load(env, "-jwt-secret-env", "BLANK"); err == nil || !strings.Contains(err.Error(), "BLANK is empty") {
		t.Errorf("a secret of blanks: %v", err)
	}
}

func TestRefusalsAreSortedByWhatTheyMean(t *testing.T) {
	f := newFakeShop(t)
	f.refuse = func(n int) (int, string) {
		switch n {
		case 1:
			return http.StatusTooManyRequests, "rate_limited"
		case 2:
			return http.StatusServiceUnavailable, "busy"
		case 3:
			return http.StatusServiceUnavailable, "unavailable"
		case 4:
			return http.StatusInternalServerError, "internal"
		case 5:
			return http.StatusConflict, "sale_closed"
		}
		return 0, ""
	}
	r, err := f.load(nil, "-buyers", "1", "-rate", "100", "-for", "100ms", "-pay", "0")
	if err != nil || r.Accepted != 5 || r.Busy != 3 || r.Other != 2 || r.Late != 2 || r.Unclear != 0 || r.Verdict.Capacity-r.Verdict.Available != 7 {
		t.Errorf("%+v, %v: want the two unclear ones accepted on asking again", r, err)
	}
}

// A purchase was done and its answer lost with the connection; the tester counted a ticket that nobody had bought.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	f := newFakeShop(t)
	f.cut = func(n int) bool { return n == 3 || n == 7 }
	r, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "50ms", "-pay", "0.5")
	if err != nil || r.Accepted != 8 || r.Other != 2 || r.Late != 2 || f.total-f.left != 10 || r.Strange == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAShopThatLosesATicketIsFound(t *testing.T) {
	for name, lie := range map[string]func(int64) int64{
		"sold more":  func(n int64) int64 { return n - 1 },
		"sold fewer": func(n int64) int64 { return n + 1 },
	} {
		f := newFakeShop(t)
		f.lie = lie
		if r, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "50ms"); !errors.Is(err, errViolated) || r.OK {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// Orders expired while they were read back, and the tester called it a violated invariant: the screening was read when some
// of the orders that had been pending a moment ago were so no more, or when their tickets were not back yet.
func TestOrdersMayExpireWhileTheyAreReadBack(t *testing.T) {
	for _, window := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		for _, pay := range []string{"0", "0.5"} {
			f := newFakeShop(t)
			f.window, f.lag = window, 200*time.Millisecond
			f.away = func(n int) bool { return n%17 == 0 }
			r, err := f.load(nil, "-buyers", "10", "-rate", "400", "-for", "500ms", "-tickets", "300", "-pay", pay, "-settle", "20s")
			if err != nil || !r.OK {
				t.Errorf("window %s, %s paid: %v, %+v", window, pay, err, r)
			}
		}
	}
}

// The payment window was longer than -settle, so that orders went on expiring until the check was over, each a moment before
// its ticket came back: a shop that was right from beginning to end was reported as VIOLATED.
func TestOrdersThatExpireToTheEndShowNoViolation(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(int64) int64
		want error
	}{
		"a right shop":          {nil, errUnchecked},
		"an order too many":     {func(int64) int64 { return 0 }, errViolated},
		"a ticket that is lost": {func(n int64) int64 { return n - 1 }, errUnchecked}, // it might come back yet
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeShop(t)
			f.window, f.lag, f.lie = 600*time.Millisecond, 200*time.Millisecond, c.lie
			r, err := f.load(nil, "-buyers", "10", "-rate", "400", "-for", "1s", "-tickets", "2000", "-pay", "0", "-settle", "300ms")
			if !errors.Is(err, c.want) || errors.Is(err, errViolated) != errors.Is(c.want, errViolated) || r.OK {
				t.Errorf("%v, %+v, want %v", err, r, c.want)
			}
			// A machine that is slow may not come to a whole reading.
			if errors.Is(c.want, errUnchecked) && !strings.Contains(r.Unchecked, "still expiring; give -settle") && r.Verdict.Unread == 0 {
				t.Errorf("it says %q", r.Unchecked)
			}
		})
	}
}

// A ticket too many is one also when orders expire.
func TestALostTicketIsFoundBesideExpiredOrders(t *testing.T) {
	f := newFakeShop(t)
	f.window, f.lie = 50*time.Millisecond, func(n int64) int64 { return n + 1 }
	if r, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "100ms", "-pay", "0.5"); !errors.Is(err, errViolated) || r.OK {
		t.Errorf("%+v, %v", r, err)
	}
}

// The office was away while the sale was checked, and the tester called the deadline of its own reading a violated invariant.
// What was not read may be as it should.
func TestAShopThatIsAwayIsNotBlamed(t *testing.T) {
	for name, c := range map[string]struct {
		answers int // readings that are answered
		dark    bool
		want    string
	}{
		"from the beginning": {0, false, "10 of 10 orders were not read"},
		"in the middle":      {7, false, "3 of 10 orders were not read"},
		"at the screening":   {math.MaxInt, true, "the screening was not read"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeShop(t)
			f.away, f.dark = func(n int) bool { return n > c.answers }, c.dark
			r, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "50ms", "-settle", "1s")
			if !errors.Is(err, errUnchecked) || errors.Is(err, errViolated) || !strings.Contains(fmt.Sprint(err), c.want) || exitCode(err) != 3 {
				t.Errorf("ends with %d, %v, want 3 and %q", exitCode(err), err, c.want)
			}
			if r.OK || !strings.Contains(r.Unchecked, c.want) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A shop that broke a promise is found out before it goes away, and beside what it does not answer.
func TestAViolationIsFoundThoughTheShopIsAway(t *testing.T) {
	for name, fault := range map[string]func(*fakeShop){
		"an order is lost, others are not read": func(f *fakeShop) {
			f.away = func(n int) bool { return n > 5 }
			f.refuse = func(n int) (int, string) {
				if n == 10 {
					delete(f.buyers, "o3")
				}
				return 0, ""
			}
		},
		"a ticket too many is gone, then all is away": func(f *fakeShop) {
			f.lie = func(n int64) int64 { return n - 1 }
			f.away = func(n int) bool { return n > 11 }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeShop(t)
			fault(f)
			r, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "50ms", "-settle", "1s")
			if !errors.Is(err, errViolated) || r.OK || r.Unchecked != "" || exitCode(err) != 1 {
				t.Errorf("%+v ends with %d, %v, want a violation", r, exitCode(err), err)
			}
		})
	}
}

// Every reading was answered and wrong, and time was up in the middle of the last one.
func TestTimeThatIsUpIsNoExcuse(t *testing.T) {
	const orders = 40
	f := newFakeShop(t)
	f.total, f.left = 100, 100-orders
	f.lie = func(n int64) int64 { return n + 1 }
	token, err := signToken([]byte(fakeJWTSecret), "alice", "buyer")
	if err != nil {
		t.Fatal(err)
	}
	var list []bought
	for i := range orders {
		id := fmt.Sprintf("o%d", i)
		f.buyers[id], f.made[id] = "alice", time.Now()
		list = append(list, bought{attempt{0, id}, id})
	}
	server := httptest.NewServer(f.routes())
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	office := newShop(address)
	t.Cleanup(office.close)
	ctx, cancel := context.WithCancel(t.Context())
	f.away = func(n int) bool {
		if n == orders+5 {
			cancel()
		}
		return false
	}
	v, err := check{office: office, tokens: []string{token}, sample: orders}.run(ctx, "s1", list, 0)
	if !errors.Is(err, errViolated) || errors.Is(err, errUnchecked) || v.Read != orders || v.Unread != 0 {
		t.Errorf("%+v, %v, want the violation of the first reading", v, err)
	}
}

// The office had died in the middle of the sale, the time was spent on asking again for what was unclear, and the report
// gave no other reason than that time was up.
func TestTheReasonIsThatOfTheShop(t *testing.T) {
	f := newFakeShop(t)
	f.dark = true
	server := httptest.NewServer(f.routes())
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	office := newShop(address)
	t.Cleanup(office.close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v, err := check{office: office, sample: 1}.run(ctx, "s1", []bought{{attempt{0, "k"}, "o1"}}, 0)
	if !errors.Is(err, errUnchecked) || !strings.Contains(err.Error(), "1 of 1 orders were not read: read screening: answer 503") || v.Unread != 1 {
		t.Errorf("%+v, %v, want the shop's answer", v, err)
	}
}

// The screening that a test had made stayed on sale for a day, and nobody said so.
func TestTheSaleIsClosedAtTheEnd(t *testing.T) {
	f := newFakeShop(t)
	r, err := f.load(nil, "-buyers", "1", "-rate", "100", "-for", "50ms")
	if err != nil || !r.Closed || r.Warning != "" || f.closes.IsZero() || f.closes.After(time.Now()) {
		t.Errorf("%+v, %v, closes at %s", r, err, f.closes)
	}
	f = newFakeShop(t)
	f.rights = http.StatusForbidden
	r, err = f.load(nil, "-buyers", "1", "-rate", "100", "-for", "50ms")
	if err != nil || !r.OK || r.Closed || !strings.Contains(r.Warning, "the sale of screening s1 stays open") {
		t.Errorf("%+v, %v, want a warning", r, err)
	}
}

func TestAShopThatForgetsAnOrderIsFound(t *testing.T) {
	f := newFakeShop(t)
	f.lie = func(n int64) int64 { return n }
	f.refuse = func(n int) (int, string) {
		if n == 10 {
			delete(f.buyers, "o3")
		}
		return 0, ""
	}
	if _, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "50ms"); !errors.Is(err, errViolated) {
		t.Errorf("%v", err)
	}
}

func TestAShopThatGivesOneOrderTwiceIsFound(t *testing.T) {
	err := distinct([]bought{{attempt{0, "a"}, "o1"}, {attempt{1, "b"}, "o1"}})
	if !errors.Is(err, errViolated) {
		t.Errorf("%v", err)
	}
	if err := distinct([]bought{{attempt{0, "a"}, "o1"}, {attempt{0, "a"}, "o1"}}); err != nil {
		t.Errorf("one purchase that was asked for twice: %v", err)
	}
}

// The shop stood still until some 50 purchases should have started: they have to be in the percentiles.
func TestAStalledShopShowsInTheLatency(t *testing.T) {
	f := newFakeShop(t)
	held := make(chan struct{})
	f.refuse = func(n int) (int, string) {
		if n == 20 {
			<-held
		}
		return 0, ""
	}
	timer := time.AfterFunc(400*time.Millisecond, func() { close(held) })
	defer timer.Stop()
	r, err := f.load(nil, "-buyers", "2", "-rate", "200", "-for", "500ms", "-pay", "0")
	if err != nil || r.Accepted != 100 || r.Took.P99 < 100 || r.Took.Max < r.Took.P99 || r.Took.P50 > r.Took.P90 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-shop http://203.0.113.7:80": "-i-own-this-host",
		"-shop http://example.com":    "-i-own-this-host",
		"-shop ftp://127.0.0.1":       "http://host:port",
		"-buyers 0":                   "-buyers",
		"-rate -1":                    "-rate",
		"-for 0s":                     "-for",
		"-pay 1.1":                    "-pay",
		"-tickets 0":                  "-tickets",
		"-jwt-secret-env NOTHING":     "NOTHING is empty",
		"-jwt-secret-env JWT":         "-webhook-secret-env",
		"-rate 1 -for 1ms":            "less than one",
		"-rate 1000000 -for 1h":       "up to",
		"surplus":                     "surplus",
		"-shop http://127.0.0.1:1 -tickets 1000x1": "tickets",
	} {
		env := map[string]string{"JWT": fakeJWTSecret}
		_, err := parse(strings.Fields(args), func(name string) string { return env[name] }, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	for _, args := range []string{"", "-shop http://[::1]:80", "-shop http://localhost",
		"-shop http://example.com -i-own-this-host", "-shop https://127.0.0.1/"} {
		if _, err := parse(strings.Fields(args), func(string) string { return "" }, io.Discard); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestAShopThatIsNoDemoSaysWhatIsNeeded(t *testing.T) {
	f := newFakeShop(t)
	f.demo = false
	if _, err := f.load(nil); err == nil || !strings.Contains(err.Error(), "-jwt-secret-env") {
		t.Errorf("%v", err)
	}
}

func TestTheTableNamesEveryKindOfAnswer(t *testing.T) {
	var out bytes.Buffer
	r := report{OK: true, Screening: "s1", Accepted: 3, Seconds: 1, Late: 1, Strange: "teapot", Took: spread{P99: 12.5}}
	if err := r.print(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"accepted", "sold out", "busy", "other", "not sent", "paid", "p99.9", "12.50", "teapot", "nothing lost"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}

func TestTheReportTellsWhatIsLeftOpen(t *testing.T) {
	unchecked := fmt.Errorf("%w: 3 of 7 orders were not read", errUnchecked)
	for name, c := range map[string]struct {
		judged, closed error
		want           []string
	}{
		"well":      {nil, nil, []string{"nothing lost", "its sale is closed"}},
		"violated":  {errViolated, nil, []string{"VIOLATED", "its sale is closed"}},
		"unchecked": {unchecked, nil, []string{"could not be checked: 3 of 7 orders"}},
		"open":      {nil, errors.New("it stays open"), []string{"nothing lost", "warning: it stays open"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := report{Screening: "s1"}
			r.judged(c.judged)
			r.closed(c.closed)
			var out bytes.Buffer
			if err := r.print(&out, false); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), "VIOLATED") != (name == "violated") ||
				strings.Contains(out.String(), "nothing lost") != (c.judged == nil) {
				t.Errorf("it says:\n%s", out.String())
			}
		})
	}
}

func TestTheUsageTellsWhatStaysAndHowItEnds(t *testing.T) {
	var usage bytes.Buffer
	if _, err := parse([]string{"-h"}, func(string) string { return "" }, &usage); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"stays on sale", "The screening and its orders stay", `includes "sold out"`, "3  when", "-settle"} {
		if !strings.Contains(usage.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, usage.String())
		}
	}
}

func TestTheEndOfTheContextStillChecks(t *testing.T) {
	f := newFakeShop(t)
	server := httptest.NewServer(f.routes())
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	f.refuse = func(n int) (int, string) {
		if n == 10 {
			cancel()
		}
		return 0, ""
	}
	var out bytes.Buffer
	err := run(ctx, []string{"-shop", server.URL, "-json", "-buyers", "2", "-rate", "200", "-for", "1h", "-pay", "0"},
		func(string) string { return "" }, &out, io.Discard)
	if err != nil || !strings.Contains(out.String(), `"ok":true`) || f.closes.IsZero() {
		t.Errorf("%v: %s", err, out.String())
	}
}
