package stock

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
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
	all      bool     // this pass reads all orders
	target   int64    // orders that there were when this pass began
	after    position // the last order read
	newest   int64    // created_at, of all passes
	missed   int64    // a pass over the new orders did not find so many
	hopeless int64    // a pass over all orders did not
}

// runLoads reads the orders of screenings that lack some, a page of each in turn, until ctx ends.
func (v *view) runLoads(ctx context.Context) {
	for {
		select {
		case <-v.load:
		case <-ctx.Done():
			return
		}
		for v.loadPages(ctx) {
		}
	}
}

// loadPages reads a page for each screening that lacks orders, and tells whether there was one. A failure ends it, because
// the next reading asks again.
func (v *view) loadPages(ctx context.Context) bool {
	v.mu.Lock()
	entries := make(map[string]*viewEntry, len(v.entries))
	for id, e := range v.entries {
		if e.lacksOrders() {
			entries[id] = e
		}
	}
	v.mu.Unlock()
	for id, e := range entries {
		if !v.makeRoom(id, e.wanted.Load()) {
			e.loading.hopeless = e.wanted.Load()
			continue
		}
		if err := v.loadPage(ctx, id, e); err != nil {
			v.stock.log.Debug("orders of a screening are not read", "screening_id", id, "error", err)
			return false
		}
	}
	return len(entries) > 0
}

func (e *viewEntry) lacksOrders() bool {
	wanted := e.wanted.Load()
	return e.requests.size() < wanted && e.loading.hopeless != wanted
}

// loadPage reads one page of a pass and begins one where none is running.
func (v *view) loadPage(ctx context.Context, screeningID string, e *viewEntry) error {
	l := &e.loading
	if !l.running {
		l.running, l.target = true, e.wanted.Load()
		l.all = l.newest == 0 || l.missed == l.target
		l.after = position{}
		if !l.all {
			l.after.at = l.newest - loadOverlap.Milliseconds()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	rows, err := v.stock.readRequests(ctx, screeningID, l.after, requestsPage)
	if err != nil {
		l.running = false
		return err
	}
	v.pages.Add(1)
	e.requests.add(rows)
	for _, row := range rows {
		l.after = position{row.CreatedAt, row.OrderID}
		l.newest = max(l.newest, row.CreatedAt)
	}
	if len(rows) == requestsPage {
		return nil
	}
	l.running = false
	switch complete := e.requests.size() >= l.target; {
	case complete:
	case l.all:
		l.hopeless = l.target
	default:
		l.missed = l.target
	}
	return nil
}

// makeRoom forgets the idlest other screenings until this one's orders fit, and tells whether they do.
func (v *view) makeRoom(screeningID string, orders int64) bool {
	if orders > viewOrders {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	total := orders
	for id, e := range v.entries {
		if id != screeningID {
			total += e.requests.size()
		}
	}
	for total > viewOrders {
		total -= v.forgetIdlest(screeningID)
	}
	return true
}

// ViewStats is what memory holds of sales that are over, and what it has read for that.
type ViewStats struct {
	Screenings int
	Orders     int64
	Bytes      int64 // about
	Readings   int64 // each answers all who waited for it
	Pages      int64 // of orders
}

// ViewStats returns how things stand.
func (s *Seller) ViewStats() ViewStats {
	s.view.mu.Lock()
	defer s.view.mu.Unlock()
	stats := ViewStats{Screenings: len(s.view.entries), Readings: s.view.readings.Load(), Pages: s.view.pages.Load()}
	for _, e := range s.view.entries {
		stats.Orders += e.requests.size()
	}
	stats.Bytes = stats.Orders * requestBytes
	return stats
}

type requestRow struct {
	OrderID   string `db:"order_id"`
	RequestID string `db:"request_id"`
	BuyerID   string `db:"buyer_id"`
	CreatedAt int64  `db:"created_at"`
}

// readRequests reads up to limit orders of a screening, the oldest first, after one of them.
func (s *Stock) readRequests(ctx context.Context, screeningID string, after position, limit int) ([]requestRow, error) {
	var rows []requestRow
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT order_id, request_id, buyer_id, created_at FROM reservations
		WHERE screening_id = ? AND created_at >= ? AND (created_at > ? OR order_id > ?)
		ORDER BY created_at, order_id LIMIT ?`, screeningID, after.at, after.at, after.id, limit)
	if err != nil {
		return nil, fmt.Errorf("read orders of a screening: %w", err)
	}
	return rows, nil
}

// requestSet is the request ids of a screening's orders, and whose they are: nearly all who ask have none, and a look for
// the buyer costs a tenth of making a request id. It only grows, as orders do.
type requestSet struct {
	mu     sync.RWMutex
	seed   maphash.Seed
	ids    map[[idBytes]byte]struct{}
	buyers map[uint64]struct{} // hashes; two buyers with the same one only cost a look at the ids
}

func (s *requestSet) add(orders []requestRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.seed = maphash.MakeSeed()
		s.ids = make(map[[idBytes]byte]struct{}, len(orders))
		s.buyers = make(map[uint64]struct{}, len(orders))
	}
	for _, order := range orders {
		id, err := decodeID(order.RequestID)
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
	_, known := s.ids[requestID(buyerID, key)]
	return known
}
