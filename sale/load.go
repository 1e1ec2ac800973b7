package sale

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"boxoffice/stock"
)

const (
	requestsPage = 5000
	halvedMax    = 6 // a page that does not come within its time is asked for again as half as much, down to 78 orders
	pageTimeout  = 2 * time.Second
	// Another process's clock may be this far behind, or its list this long from its plan to its commit, and its orders
	// are found where only the new ones are looked for. Else all are read again.
	loadOverlap = ListTimeout + 5*time.Second
)

// requestLoader reads the request ids of all orders of screenings whose sale is over, so that saleReader knows a repeated
// key without a query for each.
type requestLoader struct {
	read  orderKeys
	cache *cache
	log   *slog.Logger
	load  chan struct{} // of size 1: an entry lacks orders
	pages atomic.Int64
}

// orderKeys reads a page of a screening's request ids, as Stock.OrderKeys does.
type orderKeys func(ctx context.Context, screeningID string, afterTime int64, afterOrder string, limit int) ([]stock.OrderKey, error)

func newRequestLoader(s *stock.Stock, c *cache, log *slog.Logger) *requestLoader {
	return &requestLoader{read: s.OrderKeys, cache: c, log: log, load: make(chan struct{}, 1)}
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
			continue
		}
		if err := l.loadPage(ctx, id, e); err != nil {
			l.log.Debug("orders of a screening are not read", "screening_id", id, "error", err)
			return false
		}
	}
	return len(entries) > 0
}

// loadPage reads one page of a pass and begins one where none is running.
func (l *requestLoader) loadPage(ctx context.Context, screeningID string, e *entry) error {
	pass := &e.loading
	if !pass.running {
		pass.begin(e.wanted.Load(), loadOverlap)
	}
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	limit := requestsPage >> pass.halved
	orders, err := l.read(ctx, screeningID, pass.afterAt, pass.afterID, limit)
	if err != nil { // the pass goes on where it was, with less at a time
		pass.halved = min(pass.halved+1, halvedMax)
		return err
	}
	pass.halved = max(pass.halved-1, 0)
	l.pages.Add(1)
	e.requests.add(orders)
	for _, order := range orders {
		pass.afterAt, pass.afterID = order.CreatedAt, order.OrderID
		pass.newest = max(pass.newest, order.CreatedAt)
	}
	if len(orders) < limit {
		pass.end(e.requests.size())
		e.granted.Store(0)
	}
	return nil
}

// signal wakes a goroutine that takes one value for any number of them.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
