package sale

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/stock"
)

const (
	requestsPage = 5000
	pageTimeout  = 2 * time.Second
	// Another process's clock may be this far behind, or its list this long from its plan to its commit, and its orders
	// are found where only the new ones are looked for. Else all are read again.
	loadOverlap  = 20 * time.Second
	requestBytes = 64 // of memory for an order in a requestSet
)

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

// requestLoader reads the request ids of all orders of screenings whose sale is over.
type requestLoader struct {
	stock *stock.Stock
	cache *cache
	log   *slog.Logger
	load  chan struct{} // of size 1: an entry lacks orders
	pages atomic.Int64
}

func newRequestLoader(s *stock.Stock, c *cache, log *slog.Logger) *requestLoader {
	return &requestLoader{stock: s, cache: c, log: log, load: make(chan struct{}, 1)}
}

func (l *requestLoader) wake() { signal(l.load) }

// run reads a page of each screening that lacks orders in turn, until ctx ends.
func (l *requestLoader) run(ctx context.Context) {
	for {
		select {
		case <-l.load:
		case <-ctx.Done():
			return
		}
		for l.loadPages(ctx) {
		}
	}
}

// loadPages reads a page for each screening that lacks orders, and tells whether there was one. A failure ends it, because
// the next reading asks again.
func (l *requestLoader) loadPages(ctx context.Context) bool {
	entries := l.cache.lacking()
	for id, e := range entries {
		if !l.cache.makeRoom(id, e.wanted.Load()) {
			e.loading.hopeless = e.wanted.Load()
			continue
		}
		if err := l.loadPage(ctx, id, e); err != nil {
			l.log.Debug("orders of a screening are not read", "screening_id", id, "error", err)
			return false
		}
	}
	return len(entries) > 0
}

func (e *entry) lacksRequests() bool {
	wanted := e.wanted.Load()
	return e.requests.size() < wanted && e.loading.hopeless != wanted
}

// loadPage reads one page of a pass and begins one where none is running.
func (l *requestLoader) loadPage(ctx context.Context, screeningID string, e *entry) error {
	pass := &e.loading
	if !pass.running {
		pass.begin(e.wanted.Load())
	}
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	orders, err := l.stock.SoldRequests(ctx, screeningID, pass.afterAt, pass.afterID, requestsPage)
	if err != nil {
		pass.running = false
		return err
	}
	l.pages.Add(1)
	e.requests.add(orders)
	for _, order := range orders {
		pass.afterAt, pass.afterID = order.CreatedAt, order.OrderID
		pass.newest = max(pass.newest, order.CreatedAt)
	}
	if len(orders) < requestsPage {
		pass.end(e.requests.size())
	}
	return nil
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

// CacheStats is what memory holds of the screenings on sale, and what it has read for those that are over.
type CacheStats struct {
	Screenings int
	Orders     int64
	Bytes      int64 // about
	Readings   int64 // each answers all who waited for it
	Pages      int64 // of orders
}

// CacheStats returns how things stand.
func (s *Seller) CacheStats() CacheStats {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	stats := CacheStats{Screenings: len(s.cache.entries), Readings: s.reader.readings.Load(), Pages: s.loader.pages.Load()}
	for _, e := range s.cache.entries {
		stats.Orders += e.requests.size()
	}
	stats.Bytes = stats.Orders * requestBytes
	return stats
}

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
