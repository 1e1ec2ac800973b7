package sale

import (
	"hash/maphash"
	"sync"
	"time"

	"boxoffice/stock"
)

const (
	requestBytes = 64 // of memory for an order in a requestSet
	// Another process's clock may be this far behind, or its list this long from its plan to its commit, and its orders
	// are found where only the new ones are looked for. Else all are read again.
	loadOverlap = 20 * time.Second
)

// requestSet is the request ids of a screening's orders, and whose they are: nearly all who ask have none, and a look for
// the buyer costs a tenth of making a request id. It only grows, as orders do.
type requestSet struct {
	mu     sync.RWMutex
	seed   maphash.Seed
	ids    map[stock.ID]struct{}
	buyers map[uint64]struct{} // hashes; two buyers with the same one only cost a look at the ids
}

func (s *requestSet) add(orders []stock.SoldRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.seed = maphash.MakeSeed()
		s.ids = make(map[stock.ID]struct{}, len(orders))
		s.buyers = make(map[uint64]struct{}, len(orders))
	}
	for _, order := range orders {
		id, err := stock.ParseID(order.RequestID)
		if err != nil {
			continue // then there are never as many as the stock row counts, and nobody is refused
		}
		s.ids[id] = struct{}{}
		s.buyers[maphash.String(s.seed, order.BuyerID)] = struct{}{}
	}
}

func (s *requestSet) size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(len(s.ids))
}

func (s *requestSet) has(buyerID, key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ids == nil {
		return false
	}
	if _, known := s.buyers[maphash.String(s.seed, buyerID)]; !known {
		return false
	}
	_, known := s.ids[stock.RequestKey(buyerID, key)]
	return known
}

// requestLoad is how far the reading of a screening's orders has come. It goes in passes, each in pages: from the newest
// order known, or over all of them.
type requestLoad struct {
	running  bool
	all      bool   // this pass reads all orders
	target   int64  // orders that there were when this pass began
	afterAt  int64  // created_at of the last order read
	afterID  string // and its id
	newest   int64  // created_at, of all passes
	missed   int64  // a pass over the new orders did not find so many
	hopeless int64  // a pass over all orders did not
}

func (p *requestLoad) begin(target int64) {
	p.running, p.target = true, target
	p.all = p.newest == 0 || p.missed == p.target
	p.afterAt, p.afterID = 0, ""
	if !p.all {
		p.afterAt = p.newest - loadOverlap.Milliseconds()
	}
}

func (p *requestLoad) end(found int64) {
	p.running = false
	switch complete := found >= p.target; {
	case complete:
	case p.all:
		p.hopeless = p.target
	default:
		p.missed = p.target
	}
}
