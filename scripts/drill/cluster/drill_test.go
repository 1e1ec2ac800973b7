package cluster

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/scripts/wait"
)

const fakeSecret = "0123456789abcdef0123456789abcdef"

// fakeOffice is as much of the office as the drill sees, with what it is to do wrong.
type fakeOffice struct {
	mu     sync.Mutex
	tries  map[string]int // of purchases, by key
	orders map[string]string
	lose   bool // orders that it has acknowledged
	keep   bool // tickets of orders that are cancelled
	cut    int  // answers 503 to so many tries of each key
}

// newOffice serves a fake office at two addresses.
func newOffice(t *testing.T) (*fakeOffice, *shop) {
	t.Helper()
	f := &fakeOffice{tries: map[string]int{}, orders: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/screenings/s1/orders", f.buy)
	mux.HandleFunc("GET /v1/screenings/s1", f.screening)
	mux.HandleFunc("GET /v1/orders/{id}", f.order)
	mux.HandleFunc("POST /v1/orders/{id}/cancel", f.cancel)
	mux.HandleFunc("POST /v1/payments/callback", f.pay)
	var addresses []string
	for range 2 {
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		addresses = append(addresses, server.URL)
	}
	s, err := newShop(addresses, fakeSecret, "whsec_Ym94b2ZmaWNlLXN0YWNrLWZvci1sb29wYmFjaw==")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return f, s
}

func (f *fakeOffice) answer(w http.ResponseWriter, status int, body map[string]any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (f *fakeOffice) buy(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	if f.tries[key]++; f.tries[key] <= f.cut {
		f.answer(w, http.StatusServiceUnavailable, nil)
		return
	}
	f.orders[key] = "cancelled" // unless somebody pays it
	f.answer(w, http.StatusAccepted, map[string]any{"id": key})
}

func (f *fakeOffice) order(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status, found := f.orders[r.PathValue("id")]
	if !found || f.lose {
		f.answer(w, http.StatusNotFound, nil)
		return
	}
	f.answer(w, http.StatusOK, map[string]any{"status": status})
}

func (f *fakeOffice) cancel(w http.ResponseWriter, _ *http.Request) {
	f.answer(w, http.StatusOK, map[string]any{})
}

func (f *fakeOffice) pay(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Data struct {
			OrderID string `json:"order_id"`
		}
	}
	raw, err := io.ReadAll(r.Body)
	if err = errors.Join(err, json.Unmarshal(raw, &body)); err != nil {
		f.answer(w, http.StatusBadRequest, nil)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders[body.Data.OrderID] = "paid"
	f.answer(w, http.StatusOK, map[string]any{"result": "applied"})
}

func (f *fakeOffice) screening(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	free := capacity
	for _, status := range f.orders {
		if status == "paid" || f.keep {
			free--
		}
	}
	f.answer(w, http.StatusOK, map[string]any{"available": free})
}

// sell buys, pays and cancels for a moment.
func sell(t *testing.T, s *shop) (*ledger, row) {
	t.Helper()
	l := newLedger()
	sale := startSale(t.Context(), s, "s1", l)
	deadline := time.Now().Add(20 * time.Second)
	for enough := false; !enough && time.Now().Before(deadline); wait.For(t.Context(), 10*time.Millisecond) {
		l.mu.Lock()
		enough = len(l.open) >= 3*buyers
		l.mu.Unlock()
	}
	return l, sale.stop()
}

func TestBuyersAskAgainWithTheSameKey(t *testing.T) {
	f, s := newOffice(t)
	f.cut = 1
	l, r := sell(t, s)
	if len(l.open) < 3*buyers || r.refused < len(l.open) || r.unclear != 0 || r.requests != r.refused+len(l.open) {
		t.Errorf("%d orders of %+v", len(l.open), r)
	}
	if lost, err := l.settle(t.Context(), s); lost != 0 || err != nil {
		t.Errorf("settled with %d lost, %v", lost, err)
	}
	if err := l.count(t.Context(), s, "s1"); err != nil {
		t.Error(err)
	}
}

// A drill that cannot fail shows nothing.
func TestTheLedgerFindsWhatIsWrong(t *testing.T) {
	f, s := newOffice(t)
	l, _ := sell(t, s)
	f.lose = true
	if _, err := l.settle(t.Context(), s); !errors.Is(err, errOpen) {
		t.Errorf("orders that are gone: %v", err)
	}
	f.lose = false
	for id := range f.orders {
		f.orders[id] = "paid"
	}
	if lost, err := l.settle(t.Context(), s); lost == 0 || !errors.Is(err, errLost) {
		t.Errorf("orders that nobody paid are paid: %d, %v", lost, err)
	}
	f.keep = true
	for id := range f.orders {
		f.orders[id] = "cancelled"
	}
	if err := l.count(t.Context(), s, "s1"); err == nil {
		t.Error("tickets of cancelled orders are gone, and nobody says so")
	}
}

func TestOrdersAreHeldToWhatWasTold(t *testing.T) {
	f, s := newOffice(t)
	for _, tc := range []struct {
		told   told
		status string
		want   error
	}{
		{reserved, "pending_payment", errOpen},
		{reserved, "cancelled", nil},
		{reserved, "paid", errLost},
		{tried, "paid", nil},
		{tried, "cancelled", nil},
		{taken, "paid", nil},
		{taken, "cancelled", errOpen}, // until its money is due to go back
		{paid, "paid", nil},
		{paid, "cancelled", errLost},
		{paid, "pending_payment", errLost},
		{cancelled, "cancelled", nil},
		{cancelled, "paid", errLost},
	} {
		f.orders["o"] = tc.status
		o := &order{id: "o", told: tc.told}
		if err := o.settle(t.Context(), s, 0); !errors.Is(err, tc.want) {
			t.Errorf("told %d, is %s: %v, want %v", tc.told, tc.status, err, tc.want)
		}
	}
}

func TestSilenceIsTheLongestTimeWithoutASale(t *testing.T) {
	begin := time.Now().Add(-10 * time.Second)
	s := &sale{begin: begin, halt: make(chan struct{})}
	at := func(seconds float64, status int) event {
		return event{begin.Add(time.Duration(seconds * float64(time.Second))), status}
	}
	s.events = []event{
		at(-1, http.StatusAccepted), at(1, http.StatusAccepted), at(2, 0), at(3, http.StatusServiceUnavailable), at(6.5, http.StatusAccepted),
		at(9, http.StatusAccepted),
	}
	r := s.stop()
	if r.requests != 5 || r.refused != 2 || r.unanswered != 1 || r.silence != 5500*time.Millisecond {
		t.Errorf("%+v", r)
	}
}

func TestPlan(t *testing.T) {
	all, err := settings{parts: "all", random: 200, seed: 7}.plan()
	if err != nil || len(all) != 32+200 {
		t.Fatalf("%d faults, %v", len(all), err)
	}
	again, _ := settings{parts: "all", random: 200, seed: 7}.plan()
	pairs := 0
	for i, f := range all {
		if f.String() != again[i].String() {
			t.Fatalf("fault %d is %s and %s from one seed", i, f, again[i])
		}
		if len(f.parts) < 2 {
			continue
		}
		pairs++
		for _, group := range groups() {
			if slices.Contains(group, f.parts[0]) && slices.Contains(group, f.parts[1]) || slices.Contains(f.parts, "haproxy") {
				t.Errorf("%s: more than the promise allows", f)
			}
		}
	}
	if pairs < 40 {
		t.Errorf("%d faults of two parts", pairs)
	}
	if _, err := (settings{parts: "broker,db4"}).plan(); err == nil || !strings.Contains(err.Error(), `"db4"`) {
		t.Errorf("an unknown part: %v", err)
	}
}

func TestRowIsALineOfTheTable(t *testing.T) {
	got := row{
		fault: fault{true, []string{"db1", "api"}}, away: 20 * time.Second, requests: 7, refused: 3, unanswered: 1,
		silence: 2500 * time.Millisecond, healed: 9 * time.Second,
	}.String()
	if got != "| freeze db1 and api | 20 s | 7 | 3 | 1 | 2.5 s | 9 s | 0 |\n" {
		t.Errorf("row is %q", got)
	}
	if strings.Count(got, "|") != strings.Count(strings.SplitN(tableHead, "\n", 2)[0], "|") {
		t.Error("the table's head has other columns")
	}
}

// A broker that took longer than the stack waits for it was reported as a broken promise of the office.
func TestAStackThatFailsIsNoViolation(t *testing.T) {
	_, office := newOffice(t)
	var out strings.Builder
	d := &drill{
		settings: settings{down: time.Millisecond, freeze: time.Millisecond}, stack: stack{program: "/nowhere/stack"}, shop: office,
		screening: "s1", ledger: newLedger(), out: &out,
	}
	_, err := d.stack.do(t.Context(), "kill", "broker")
	if !errors.Is(err, errStack) {
		t.Fatalf("a command that does not run: %v", err)
	}
	if err := d.judge(err, 0, nil, time.Now()); !errors.Is(err, errStack) {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "violations: false") {
		t.Errorf("it says %q", out.String())
	}
	out.Reset()
	if err := d.judge(errLost, 0, nil, time.Now()); !errors.Is(err, errLost) {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "violations: true") {
		t.Errorf("of a broken promise it says %q", out.String())
	}
}
