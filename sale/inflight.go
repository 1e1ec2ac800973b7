package sale

import (
	"context"
	"sync"

	"boxoffice/stock"
)

// inFlight remembers what this process's other lists are reserving at this moment, so that two lists do not go for the
// same ticket and a buyer is told "sold out" only by the database, never by a list that may yet fail. It can only make
// a purchase wait: what it admits, the database still judges.
type inFlight struct {
	mu      sync.Mutex
	orders  map[string]bool
	tickets map[string]int64        // by screening
	buyers  map[stock.Holding]int64 // where a limit holds
	ended   chan struct{}           // closed and replaced when a list ends
}

func newInFlight() *inFlight {
	return &inFlight{
		orders: map[string]bool{}, tickets: map[string]int64{}, buyers: map[stock.Holding]int64{}, ended: make(chan struct{}),
	}
}

// begin enters an admitted plan. The caller holds the lock under which it planned.
func (f *inFlight) begin(p plan) {
	for _, admitted := range p.admitted {
		f.orders[admitted.id] = true
	}
	for id, n := range p.tickets {
		f.tickets[id] += n
	}
	for key, change := range p.holdings {
		f.buyers[key] += change.Quantity
	}
}

// end removes a plan, whatever came of it, and wakes those who wait for it.
func (f *inFlight) end(p plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, admitted := range p.admitted {
		delete(f.orders, admitted.id)
	}
	for id, n := range p.tickets {
		if f.tickets[id] -= n; f.tickets[id] == 0 {
			delete(f.tickets, id)
		}
	}
	for key, change := range p.holdings {
		if f.buyers[key] -= change.Quantity; f.buyers[key] == 0 {
			delete(f.buyers, key)
		}
	}
	close(f.ended)
	f.ended = make(chan struct{})
}

// wait returns when a list that was in flight at planning time has ended. A list waits only while it has nothing in
// flight itself, so lists cannot wait for each other.
func (p plan) wait(ctx context.Context) {
	if len(p.waiting) == 0 {
		return
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
}
