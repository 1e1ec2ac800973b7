package sale

import (
	"sync"
	"time"

	"boxoffice/stock"
)

const requestBytes = 40 // of memory for an order in a requestSet

// requestSet is the request ids of a screening's orders. It only grows, as orders do.
type requestSet struct {
	mu  sync.RWMutex
	ids map[stock.IDBytes]struct{}
}

func (s *requestSet) add(orders []stock.OrderKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids = make(map[stock.IDBytes]struct{}, len(orders))
	}
	for _, order := range orders {
		id, err := stock.ParseID(order.RequestID)
		if err != nil {
			continue // then there are never as many as the stock row counts, and nobody is refused
		}
		s.ids[id] = struct{}{}
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
	_, known := s.ids[stock.RequestIDBytes(buyerID, key)]
	return known
}

// requestLoad is how far the reading of a screening's orders has come. It goes in passes, each in pages: from the newest
// order known, or over all of them.
type requestLoad struct {
	running          bool
	all              bool   // this pass reads all orders
	target           int64  // orders that there were when this pass began
	afterAt          int64  // created_at of the last order read
	afterID          string // and its id
	newest           int64  // created_at, of all passes
	newPassFailedAt  int64  // the number of orders at which a pass over the new ones found fewer
	fullPassFailedAt int64  // the same of a pass over all

	halved      int           // how often the page was halved, because it did not come within its time
	pausedUntil time.Duration // there was no room, since the cache began
}

// begin begins a pass. What is new is looked for from so long before the newest order known.
func (p *requestLoad) begin(target int64, overlap time.Duration) {
	p.running, p.target = true, target
	p.all = p.newest == 0 || p.newPassFailedAt == p.target
	p.afterAt, p.afterID = 0, ""
	if !p.all {
		p.afterAt = p.newest - overlap.Milliseconds()
	}
}

func (p *requestLoad) end(found int64) {
	p.running = false
	switch complete := found >= p.target; {
	case complete:
	case p.all:
		p.fullPassFailedAt = p.target
	default:
		p.newPassFailedAt = p.target
	}
}
