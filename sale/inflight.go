package sale

import (
	"sync"

	"boxoffice/stock"
)

// claim is what a list under way will take if it commits, which no other list may promise.
type claim struct {
	orders   []string                              // request ids
	tickets  map[string]int64                      // by screening
	holdings map[stock.Holding]stock.HoldingChange // where a limit holds
}

// inFlight adds up the claims of this process's lists under way, so that a purchase waits for a list that may take its
// tickets instead of conflicting with it, and a buyer is told "sold out" only by the database, never by a list that may yet
// fail. It can only make a purchase wait: what it admits, the database still judges.
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

// begin adds what a plan admits to what is in flight. The caller holds the lock under which it planned.
func (f *inFlight) begin(c claim) {
	for _, id := range c.orders {
		f.orders[id] = true
	}
	for id, n := range c.tickets {
		f.tickets[id] += n
	}
	for key, change := range c.holdings {
		f.buyers[key] += change.Quantity
	}
}

// end removes what a plan admitted, whatever came of it, and wakes those who wait for it.
func (f *inFlight) end(c claim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range c.orders {
		delete(f.orders, id)
	}
	for id, n := range c.tickets {
		if f.tickets[id] -= n; f.tickets[id] == 0 {
			delete(f.tickets, id)
		}
	}
	for key, change := range c.holdings {
		if f.buyers[key] -= change.Quantity; f.buyers[key] == 0 {
			delete(f.buyers, key)
		}
	}
	close(f.ended)
	f.ended = make(chan struct{})
}
