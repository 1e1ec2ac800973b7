package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// answerLimit is far above the second within which an office should say that something is away, for machines that are
// busy; it is far below any timeout that a buyer would call hanging.
const answerLimit = 3 * time.Second

// settleLimit is how long after the last fault everything may take to come to its end.
const settleLimit = 90 * time.Second

// sale is buyers who buy until the sale closes, at any shop that answers, and pay for every fourth order.
type saleTest struct {
	o         *officeTest
	screening string
	pace      time.Duration // a buyer's rest between purchases
	stop      context.CancelFunc
	buyers    sync.WaitGroup

	mu       sync.Mutex
	shops    []string
	orders   map[string]string // acknowledged order id: buyer
	payments map[string]string // order id: what the callback said
	refused  int               // answers 503
	slowest  time.Duration     // answer
}

// bookPace is the rest between a buyer's purchases at which the books can be checked order by order after a long sale.
const bookPace = 40 * time.Millisecond

func openSale(o *officeTest, pace time.Duration, shops ...string) *saleTest {
	o.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &saleTest{
		o: o, screening: o.addScreening(10_000_000, 0), pace: pace, stop: stop, shops: shops,
		orders: map[string]string{}, payments: map[string]string{},
	}
	for n := range 8 {
		s.buyers.Go(func() {
			for purchase := 0; ctx.Err() == nil; purchase++ {
				buyer := fmt.Sprintf("buyer-%d-%d", n, purchase)
				id := s.buy(ctx, buyer)
				if id != "" && purchase%8 == 0 { // half of the payments find their order made, half may come before it
					s.awaitOrder(ctx, buyer, id)
				}
				if id != "" && purchase%4 == 0 {
					s.pay(ctx, id)
				}
				s.rest(ctx)
			}
		})
	}
	o.t.Cleanup(s.close)
	return s
}

func (s *saleTest) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(s.pace):
	}
}

// try makes one request to any shop and notes how it was met.
func (s *saleTest) try(method, path, token, body string, header ...string) (response, error) {
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
func (s *saleTest) buy(ctx context.Context, buyer string) string {
	token := bearer(s.o.t, buyer, "buyer")
	for ; ctx.Err() == nil; s.rest(ctx) {
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

// awaitOrder returns when the order is made.
func (s *saleTest) awaitOrder(ctx context.Context, buyer, id string) {
	token := bearer(s.o.t, buyer, "buyer")
	for ; ctx.Err() == nil; s.rest(ctx) {
		r, err := s.try("GET", "/v1/orders/"+id, token, "")
		if err == nil && r.status == http.StatusOK && decode[orderJSON](s.o.t, r).Status != "reserved" {
			return
		}
	}
}

// pay repeats a callback, as a payment provider does, until it is answered.
func (s *saleTest) pay(ctx context.Context, id string) {
	body := paymentBody("pay-"+id, id, 4900, "CNY")
	for ; ctx.Err() == nil; s.rest(ctx) {
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

func (s *saleTest) addShop(shop string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shops = append(s.shops, shop)
}

func (s *saleTest) acknowledged() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.orders)
}

// sell waits until n more orders are acknowledged.
func (s *saleTest) sell(n int) {
	s.o.t.Helper()
	enough := len(s.acknowledged()) + n
	s.o.within(settleLimit, "sale under way", func() bool { return len(s.acknowledged()) >= enough })
}

// meetsRefusals waits until buyers are told that a part is away.
func (s *saleTest) meetsRefusals(part string) {
	s.o.t.Helper()
	refused := func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.refused }
	before := refused()
	s.o.eventually("503 without the "+part, func() bool { return refused() > before+8 })
}

func (s *saleTest) close() {
	s.stop()
	s.buyers.Wait()
}

func (s *saleTest) wantEverythingSettled() {
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
