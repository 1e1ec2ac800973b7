//go:build !race

package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	linearLimit    = 3 // tickets per buyer
	linearCapacity = 8 // at the beginning
	linearGivenUp  = 3 // purchases of a history that nobody sends again until their answer is known
)

// linearPurchase is a buyer's key, and the order that it was answered with.
type linearPurchase struct {
	number, buyer int
	quantity      int64
	order         string
	pending       bool  // its order was seen
	called        int64 // when somebody first asked to cancel it
	watched       bool  // somebody waits for its tickets
}

func (p linearPurchase) name() string { return fmt.Sprint("linear-", p.buyer) }

// linearHistory is what the clients of one screening have asked and were answered, with when.
type linearHistory struct {
	o         *officeTest
	shops     []string
	client    *http.Client
	screening string
	began     time.Time
	watchers  sync.WaitGroup

	mu         sync.Mutex
	operations []porcupine.Operation
	purchases  []linearPurchase // by number
	givenUp    int
}

func (h *linearHistory) now() int64 { return time.Since(h.began).Nanoseconds() }

// record enters a request into the history. One whose answer is not known is open for ever.
func (h *linearHistory) record(client int, in linearInput, out linearOutput, call int64) {
	end := h.now()
	if out.said == saidNotKnown {
		end = linearForever
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: end})
}

// linearClient sends requests to any of the processes, as its random numbers say, one after the other.
type linearClient struct {
	*linearHistory
	number int
	random *rand.Rand
}

// goOn makes one request.
func (c *linearClient) goOn() {
	switch n := c.random.IntN(20); {
	case n < 8:
		c.buy(c.newPurchase())
	case n < 10:
		c.withPurchase(true, c.buy)
	case n < 14:
		c.withPurchase(false, c.cancel)
	case n < 15:
		c.withPurchase(false, c.pay)
	case n < 16:
		c.restock()
	default:
		c.read()
	}
}

func (c *linearClient) newPurchase() linearPurchase {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := linearPurchase{number: len(c.purchases), buyer: c.random.IntN(linearBuyers), quantity: 1 + c.random.Int64N(2)}
	c.purchases = append(c.purchases, p)
	return p
}

// withPurchase does something about one of the last purchases, of whichever client; of those that have an order, unless any will
// do.
func (c *linearClient) withPurchase(any bool, do func(linearPurchase)) {
	var last []linearPurchase
	c.mu.Lock()
	for i := len(c.purchases) - 1; i >= 0 && len(last) < 8; i-- {
		if any || c.purchases[i].order != "" {
			last = append(last, c.purchases[i])
		}
	}
	c.mu.Unlock()
	if len(last) > 0 {
		do(last[c.random.IntN(len(last))])
	}
}

func (c *linearClient) send(method, path, token, body string, header ...string) (response, error) {
	return sendBy(c.client, c.shops[c.random.IntN(len(c.shops))], method, path, token, body, header...)
}

// said is an answer in a word: what it is when it succeeds, the code of its problem, or that nothing is known.
func said(r response, err error, success string) string {
	switch {
	case err != nil, r.status == http.StatusServiceUnavailable:
		return saidNotKnown
	case r.status < http.StatusMultipleChoices:
		return success
	}
	return r.code()
}

// buy sends a purchase, mostly until it is known what became of it. It is one request of the history from the first time that
// it was sent: what it does, it does once.
func (c *linearClient) buy(p linearPurchase) {
	in := linearInput{act: actBuy, purchase: p.number, buyer: p.buyer, quantity: p.quantity}
	token := bearer(c.o.t, p.name(), "buyer")
	call := c.now()
	deadline := time.Now().Add(testDeadline)
	for {
		r, err := c.send("POST", "/v1/screenings/"+c.screening+"/orders", token, fmt.Sprintf(`{"quantity":%d}`, p.quantity),
			"Idempotency-Key", fmt.Sprint(c.screening, "-", p.number))
		out := linearOutput{said: said(r, err, saidYes)}
		if out.said == saidNotKnown && !c.givesUp() && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if out.said == saidYes && !c.isOrderOf(p, decode[orderJSON](c.o.t, r).ID) {
			out.said = "yes, as another order"
		}
		c.record(c.number, in, out, call)
		return
	}
}

// givesUp tells whether a purchase of which nobody knows is left at that: the first one is, and some of the others.
func (c *linearClient) givesUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.givenUp == linearGivenUp || c.givenUp > 0 && c.random.IntN(4) > 0 {
		return false
	}
	c.givenUp++
	return true
}

// isOrderOf notes the order of a purchase, and tells whether it is the one that others were told.
func (c *linearClient) isOrderOf(p linearPurchase, order string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := &c.purchases[p.number]
	if known.order == "" {
		known.order = order
	}
	return known.order == order
}

// pay pays for an order that is there. Money that comes before its order is parked, which is an answer of its own kind.
func (c *linearClient) pay(p linearPurchase) {
	token := bearer(c.o.t, p.name(), "buyer")
	if !p.pending {
		r, err := c.send("GET", "/v1/orders/"+p.order, token, "")
		if err != nil || r.status != http.StatusOK || decode[orderJSON](c.o.t, r).Status == "reserved" {
			return
		}
		c.mu.Lock()
		c.purchases[p.number].pending = true
		c.mu.Unlock()
	}
	body := paymentBody(fmt.Sprint("pay-", p.order, "-", c.random.Uint32()), p.order, 4900*int(p.quantity), "CNY")
	call := c.now()
	r, err := c.send("POST", "/v1/payments/callback", "", body, signed(c.o.t, body, c.o.clock.Now())...)
	out := linearOutput{said: said(r, err, saidYes)}
	if out.said == saidYes {
		if out.said = decode[struct{ Result string }](c.o.t, r).Result; out.said == "applied" {
			out.said = saidYes
		}
	}
	c.record(c.number, linearInput{act: actPay, purchase: p.number, buyer: p.buyer, quantity: p.quantity}, out, call)
}

// cancel cancels an order, until it is known whether it is cancelled, and has somebody wait for its tickets.
func (c *linearClient) cancel(p linearPurchase) {
	in := linearInput{act: actCancel, purchase: p.number, buyer: p.buyer, quantity: p.quantity}
	call := c.now()
	c.mu.Lock()
	if known := &c.purchases[p.number]; known.called == 0 {
		known.called = call
	}
	c.mu.Unlock()
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(10 * time.Millisecond) {
		r, err := c.send("POST", "/v1/orders/"+p.order+"/cancel", bearer(c.o.t, p.name(), "buyer"), "")
		out := linearOutput{said: said(r, err, saidYes)}
		if out.said == saidNotKnown && time.Now().Before(deadline) {
			continue
		}
		c.record(c.number, in, out, call)
		switch out.said {
		case saidYes:
			c.awaitRelease(p)
		case saidNotKnown: // nobody would wait for its tickets
			c.o.t.Errorf("the cancellation of %s is not answered within %v", p.order, testDeadline)
		}
		return
	}
}

// awaitRelease records when the tickets of a cancelled order are back. They may be on their way since somebody first asked to
// cancel it.
func (h *linearHistory) awaitRelease(p linearPurchase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := &h.purchases[p.number]
	if known.watched {
		return
	}
	known.watched = true
	called := known.called
	h.watchers.Go(func() {
		boss := bearer(h.o.t, "boss", "admin")
		for deadline := time.Now().Add(settleLimit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			r, err := sendBy(h.client, h.shops[0], "GET", "/v1/admin/orders/"+p.order, boss, "")
			if err == nil && r.status == http.StatusOK &&
				decode[struct{ Reservation struct{ State string } }](h.o.t, r).Reservation.State == "released" {
				h.record(linearClients, linearInput{act: actRelease, purchase: p.number, buyer: p.buyer, quantity: p.quantity},
					linearOutput{said: saidYes}, called)
				return
			}
		}
		h.o.t.Errorf("order %s is cancelled, and its tickets are not back", p.order)
	})
}

func (c *linearClient) restock() {
	in := linearInput{act: actRestock, capacity: 4 + c.random.Int64N(10)}
	call := c.now()
	r, err := c.send("PATCH", "/v1/screenings/"+c.screening, bearer(c.o.t, "boss", "admin"), fmt.Sprintf(`{"capacity":%d}`, in.capacity))
	c.record(c.number, in, linearOutput{said: said(r, err, saidYes)}, call)
}

func (c *linearClient) read() {
	call := c.now()
	r, err := c.send("GET", "/v1/screenings/"+c.screening, "", "")
	if said(r, err, saidYes) != saidYes {
		return
	}
	seen := decode[screeningJSON](c.o.t, r)
	c.record(c.number, linearInput{act: actRead}, linearOutput{said: saidYes, available: seen.Available, capacity: seen.Capacity}, call)
}
