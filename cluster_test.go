//go:build !race

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// settleLimit is how long after the last fault everything may take to come to its end.
const settleLimit = 90 * time.Second

// part is something that several offices share and that the test may kill -9.
type part struct {
	name  string
	kill  func()
	start func()
}

// Two processes sell and two make orders, on one message queue and one pair of databases. One of each is killed in
// mid-sale, then the message queue, then the database. Whoever was told "reserved" has that order, payments that were
// answered count, no ticket is lost or sold twice, and a minute and a half after the last fault nothing is left open.
func TestManyProcessesOneSale(t *testing.T) {
	slow(t)
	o := newPrograms(t, "BOXOFFICE_PAY_WINDOW", "10s", "BOXOFFICE_SWEEP_GRACE", "1s")
	parts := o.sharedParts()
	sellers := []program{o.launch("-roles", "api,stock"), o.launch("-roles", "api,stock")}
	makers := []program{o.launch("-roles", "order"), o.launch("-roles", "order")}
	o.shop = sellers[1].shop
	s := openSale(o, sellers[0].shop, sellers[1].shop)

	s.sell(200)
	sellers[0].kill(t)
	makers[0].kill(t)
	s.sell(200)
	known := s.acknowledged()
	o.within(settleLimit, "the survivors finish what the dead ones began", func() bool {
		for id, buyer := range known {
			if o.order(buyer, id).Status == "reserved" {
				return false
			}
			delete(known, id)
		}
		return true
	})
	s.addShop(o.launch("-roles", "api,stock").shop)
	o.launch("-roles", "order")
	for _, p := range parts {
		p.kill()
		s.meetsRefusals(p.name)
		p.start()
		s.sell(200)
	}
	s.close()
	s.wantEverythingSettled()
}

// sharedParts gives the offices of this home a message queue and databases to share, and returns what can be killed.
func (o *officeTest) sharedParts() []part {
	o.t.Helper()
	if onStack(o.t) {
		return []part{stackPart(o.t, "broker"), stackPart(o.t, "db")}
	}
	address := freeAddress(o.t)
	var broker program
	start := func() {
		broker = o.launch("broker", "-listen", address, "-data", filepath.Join(o.dir, "broker"),
			"-check-timeout", "1s", "-check-interval", "1s")
	}
	start()
	o.env["BOXOFFICE_NAMESRV"] = address
	return []part{{"broker", func() { broker.kill(o.t) }, start}}
}

// stackPart is a part of the stack that BOXOFFICE_STACK_DIR names, if there is one: other tests may not kill what others
// use.
func stackPart(t *testing.T, name string) part {
	t.Helper()
	if os.Getenv("BOXOFFICE_STACK_DIR") == "" {
		t.Skip("needs a stack that it may kill, named by BOXOFFICE_STACK_DIR: run make test-stack")
	}
	stack := func(verb string) func() {
		return func() {
			t.Helper()
			if out, err := exec.Command("go", "run", "./scripts/stack", verb, name).CombinedOutput(); err != nil {
				t.Fatalf("%s %s: %v\n%s", verb, name, err, out)
			}
		}
	}
	p := part{name, stack("kill"), stack("start")}
	t.Cleanup(p.start) // whatever happens, the next test finds it running
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// sale is buyers who buy until the sale closes, at any shop that answers, and pay for every fourth order.
type sale struct {
	o         *officeTest
	screening string
	stop      context.CancelFunc
	buyers    sync.WaitGroup

	mu       sync.Mutex
	shops    []string
	orders   map[string]string // acknowledged order id: buyer
	payments map[string]string // order id: what the callback said
	refused  int               // answers 503
	slowest  time.Duration     // answer
}

func openSale(o *officeTest, shops ...string) *sale {
	o.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &sale{
		o: o, screening: o.addScreening(100_000, 0), stop: stop, shops: shops,
		orders: map[string]string{}, payments: map[string]string{},
	}
	for n := range 8 {
		s.buyers.Go(func() {
			for purchase := 0; ctx.Err() == nil; purchase++ {
				id := s.buy(ctx, fmt.Sprintf("buyer-%d-%d", n, purchase))
				if id != "" && purchase%4 == 0 {
					s.pay(ctx, id)
				}
				rest(ctx)
			}
		})
	}
	o.t.Cleanup(s.close)
	return s
}

// rest keeps the sale at a pace at which the books can be checked order by order.
func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(40 * time.Millisecond):
	}
}

// try makes one request to any shop and notes how it was met.
func (s *sale) try(method, path, token, body string, header ...string) (response, error) {
	s.mu.Lock()
	shop := s.shops[rand.IntN(len(s.shops))]
	s.mu.Unlock()
	began := time.Now()
	r, err := sendTo(shop, method, path, token, body, header...)
	s.mu.Lock()
	defer s.mu.Unlock()
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		s.o.t.Errorf("%s %s had no answer for %v", method, path, time.Since(began))
	case err == nil:
		s.slowest = max(s.slowest, time.Since(began))
		if r.status == http.StatusServiceUnavailable {
			s.refused++
		}
	}
	return r, err
}

// buy repeats a purchase under its key until it is acknowledged.
func (s *sale) buy(ctx context.Context, buyer string) string {
	token := bearer(s.o.t, buyer, "buyer")
	for ; ctx.Err() == nil; rest(ctx) {
		r, err := s.try("POST", "/v1/screenings/"+s.screening+"/orders", token, `{"quantity":1}`, "Idempotency-Key", "k")
		switch {
		case err != nil, r.status == http.StatusServiceUnavailable:
		case r.status == http.StatusAccepted:
			id := decode[orderJSON](s.o.t, r).ID
			s.mu.Lock()
			s.orders[id] = buyer
			s.mu.Unlock()
			return id
		default:
			s.o.t.Errorf("buy: %d %s", r.status, r.body)
			return ""
		}
	}
	return ""
}

// pay repeats a callback, as a payment provider does, until it is answered.
func (s *sale) pay(ctx context.Context, id string) {
	body := paymentBody("pay-"+id, id, 4900, "CNY")
	for ; ctx.Err() == nil; rest(ctx) {
		r, err := s.try("POST", "/v1/payments/callback", "", body, signed(s.o.t, body, time.Now())...)
		switch {
		case err != nil, r.status == http.StatusServiceUnavailable:
		case r.status == http.StatusOK:
			s.mu.Lock()
			s.payments[id] = decode[struct{ Result string }](s.o.t, r).Result
			s.mu.Unlock()
			return
		default:
			s.o.t.Errorf("pay: %d %s", r.status, r.body)
			return
		}
	}
}

func (s *sale) addShop(shop string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shops = append(s.shops, shop)
}

func (s *sale) acknowledged() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.orders)
}

// sell waits until n more orders are acknowledged.
func (s *sale) sell(n int) {
	s.o.t.Helper()
	enough := len(s.acknowledged()) + n
	s.o.within(settleLimit, "sale under way", func() bool { return len(s.acknowledged()) >= enough })
}

// meetsRefusals waits until buyers are told that a part is away.
func (s *sale) meetsRefusals(part string) {
	s.o.t.Helper()
	refused := func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.refused }
	before := refused()
	s.o.eventually("503 without the "+part, func() bool { return refused() > before+8 })
}

func (s *sale) close() {
	s.stop()
	s.buyers.Wait()
}

func (s *sale) wantEverythingSettled() {
	o, t := s.o, s.o.t
	t.Helper()
	began := time.Now()
	o.within(settleLimit, "every ticket settled", func() bool {
		_, reserved, _ := o.counters(s.screening)
		return reserved == 0
	})
	t.Logf("%d orders, %d answers 503, slowest answer %v, settled %v after the sale",
		len(s.orders), s.refused, s.slowest.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if s.slowest > 2*answerLimit {
		t.Errorf("an answer took %v", s.slowest)
	}
	var paid int64
	for id, buyer := range s.orders {
		status := o.order(buyer, id).Status
		result, payment := s.payments[id]
		switch {
		case status == "paid":
			paid++
			if payment && result == "refund_due" {
				t.Errorf("order %s is paid, its payment was answered refund_due", id)
			}
		case status != "cancelled":
			t.Errorf("order %s ends as %q", id, status)
		case payment && o.refundsDue(id) != 1:
			t.Errorf("order %s is cancelled, its payment was answered %s, and no refund is due", id, result)
		}
	}
	if _, _, sold := o.counters(s.screening); sold != paid {
		t.Errorf("%d tickets sold for %d paid orders", sold, paid)
	}
	if results := slices.Collect(maps.Values(s.payments)); !slices.Contains(results, "applied") {
		t.Errorf("no payment was applied: %v", results)
	}
}
