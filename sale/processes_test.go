package sale

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

// processes are sellers that share nothing but a database, each with connections of its own.
type processes struct {
	shops   []*shop
	sellers []*Seller
	clock   *stocktest.Clock

	mu    sync.Mutex
	known []acknowledged
}

// acknowledged is a purchase that was answered with an order.
type acknowledged struct {
	request Request
	order   string
}

func newProcesses(t *testing.T, n int) *processes {
	t.Helper()
	dsn := dbtest.DSN(t)
	p := &processes{clock: stocktest.NewClock()}
	for range n {
		shop := openShop(stocktest.Open(t, dsn), p.clock)
		s := newUnstarted(shop)
		s.start(t.Context())
		t.Cleanup(s.Close)
		p.shops, p.sellers = append(p.shops, shop), append(p.sellers, s)
	}
	return p
}

// post does what the api does with a purchase.
func (s *Seller) post(ctx context.Context, r Request) (Bought, error) {
	if err := s.Refuse(ctx, r.ScreeningID, r.BuyerID, r.Key); err != nil {
		return Bought{}, err
	}
	return s.Purchase(ctx, r)
}

func (p *processes) acknowledge(a acknowledged) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = append(p.known, a)
}

func (p *processes) anyKnown() acknowledged {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[rand.IntN(len(p.known))]
}

// wantOrder sends a purchase again that was answered with an order.
func (p *processes) wantOrder(t *testing.T, process int, a acknowledged) {
	t.Helper()
	again, err := p.sellers[process].post(t.Context(), a.request)
	if err != nil || again.ID != a.order {
		t.Errorf("%+v, answered with order %s, is now answered %q, %v by process %d", a.request, a.order, again.ID, err, process)
	}
}

// shop sends purchases to one process and then the other. Whoever gets a ticket sends the purchase again to all of them,
// and gives the ticket back, for which the others wait.
func (p *processes) shop(t *testing.T, name string, screenings []stock.Screening, purchases int) {
	for n := range purchases {
		process := n % len(p.sellers)
		r := Request{fmt.Sprint(name, "-", n), "k", screenings[rand.IntN(len(screenings))].ID, 1}
		bought, err := p.sellers[process].post(t.Context(), r)
		if err != nil {
			continue
		}
		a := acknowledged{r, bought.ID}
		p.acknowledge(a)
		for other := range p.sellers {
			p.wantOrder(t, len(p.sellers)-1-other, a)
			p.wantOrder(t, other, p.anyKnown())
		}
		settled := event.Settled{Orders: []event.SettledOrder{{OrderID: bought.ID, Outcome: event.Cancelled}}}
		if _, err := p.shops[process].Settle(t.Context(), settled); err != nil {
			t.Errorf("give a ticket back: %v", err)
		}
	}
}

// Of two api processes one took a ticket that had come back, and the other answered the repeat of that very key with
// "sold out", because what it remembered was a moment older. Tickets come back here and are taken by either process, in a
// sale that is sold out nearly all the time; no key that was answered with an order is ever answered with anything else,
// in any process, nor when its buyer is at the limit, nor after the sale.
func TestNoProcessRefusesWhatAnyHasSold(t *testing.T) {
	p := newProcesses(t, 2)
	few, limited := addScreening(t, p.shops[0], 1, 0), addScreening(t, p.shops[0], 2, 1)
	screenings := []stock.Screening{few, limited}
	var shoppers sync.WaitGroup
	for n := range 6 {
		shoppers.Go(func() { p.shop(t, fmt.Sprint("shopper-", n), screenings, 60) })
	}
	shoppers.Wait()
	if len(p.known) == 0 {
		t.Fatal("nobody bought anything")
	}
	for _, screening := range screenings {
		for n := range screening.Available {
			mustSell(t, p.shops[0], screening.ID, fmt.Sprint("last-", screening.ID, n))
		}
	}
	for process, s := range p.sellers {
		for _, screening := range screenings {
			wantErr(t, refusal(t, s, screening.ID, "a stranger"), stock.ErrSoldOut)
		}
		for _, a := range p.known {
			p.wantOrder(t, process, a)
		}
	}
	p.clock.Advance(25 * time.Hour)
	for process := range p.sellers {
		for _, a := range p.known {
			p.wantOrder(t, process, a)
		}
	}
}

// A buyer gives up waiting for one process and asks another, while the first is still at it. Stock that is short because
// of that very purchase must not hide it, whichever statement of the second process its commit falls between.
func TestPurchaseIsNotRefusedBecauseOfItself(t *testing.T) {
	p := newProcesses(t, 2)
	one, limited := addScreening(t, p.shops[0], 1, 0), addScreening(t, p.shops[0], 2, 1)
	for n := range 150 {
		screening := []stock.Screening{one, limited}[n%2]
		r := Request{fmt.Sprint("buyer-", n), "k", screening.ID, 1}
		answers := make([]answer, len(p.sellers))
		var asking sync.WaitGroup
		for i, s := range p.sellers {
			asking.Go(func() { answers[i].Bought, answers[i].err = s.post(t.Context(), r) })
		}
		asking.Wait()
		if answers[0].err != nil || answers[1].err != nil || answers[0].ID != answers[1].ID {
			t.Fatalf("one purchase of the only buyer, sent to two processes: %q, %v and %q, %v",
				answers[0].ID, answers[0].err, answers[1].ID, answers[1].err)
		}
		settle(t, p.shops[n%2], event.Cancelled, answers[0].ID)
	}
}
