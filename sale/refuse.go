package sale

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/stock"
)

const (
	readingPause   = 2 * time.Millisecond // from the start of one reading to that of the next
	readingTimeout = 500 * time.Millisecond
)

// saleReader refuses buyers cheaply once a sale is over: all who wait share one reading of the database. It refuses a
// request only if that reading began after the request came and says that the sale is over, and if the cache holds as many
// orders as the reading counts, none of them this request's. So a repeated key finds its order, whichever process has sold
// it a moment ago, and returned stock sells again at once. Everything else is left to Purchase.
type saleReader struct {
	stock    *stock.Stock
	cache    *cache
	loader   *requestLoader
	now      func() time.Time
	log      *slog.Logger
	mu       sync.Mutex
	next     *reading // which those who come now will share; nil when nobody waits
	closed   bool
	wake     chan struct{} // of size 1: next is there
	readings atomic.Int64
}

// reading is one look at the database, shared by all who came before it began.
type reading struct {
	done    chan struct{} // closed when refused is filled
	entries map[string]*entry
	refused map[string]error // by screening, why nobody can buy; absent when somebody might, or when it is not known
}

func newSaleReader(s *stock.Stock, c *cache, loader *requestLoader, now func() time.Time, log *slog.Logger) *saleReader {
	return &saleReader{stock: s, cache: c, loader: loader, now: now, log: log, wake: make(chan struct{}, 1)}
}

// refuse says why a purchase cannot succeed now; nil says nothing.
func (v *saleReader) refuse(ctx context.Context, screeningID, buyerID, key string) error {
	e := v.cache.over(screeningID)
	if e == nil {
		return nil
	}
	r := v.join(screeningID, e)
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return nil
	}
	err := r.refused[screeningID]
	if err == nil || r.entries[screeningID].requests.has(buyerID, key) { // the entry by which the reading has judged
		return nil
	}
	return err
}

// join adds a screening to the next reading, which its caller may wait for; nil when there will be none.
func (v *saleReader) join(screeningID string, e *entry) *reading {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil
	}
	if v.next == nil {
		v.next = &reading{done: make(chan struct{}), entries: map[string]*entry{}}
		signal(v.wake)
	}
	v.next.entries[screeningID] = e
	return v.next
}

// run makes the readings that are waited for, one after the other, until ctx ends.
func (v *saleReader) run(ctx context.Context) {
	defer v.close()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-v.wake:
		case <-ctx.Done():
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		pause.Reset(readingPause)
		v.readOnce(ctx)
	}
}

// close ends the reading that is waited for: it refuses nobody, and Purchase decides.
func (v *saleReader) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	if v.next != nil {
		close(v.next.done)
		v.next = nil
	}
}

// readOnce makes the reading for which somebody waits. What it cannot read refuses nobody.
func (v *saleReader) readOnce(ctx context.Context) {
	v.mu.Lock()
	r := v.next
	v.next = nil
	v.mu.Unlock()
	if r == nil {
		return
	}
	defer close(r.done)
	ctx, cancel := context.WithTimeout(ctx, readingTimeout)
	defer cancel()
	// No order is deleted while its screening can be sold. So who knew as many before the reading as it counts knows all.
	known := make(map[string]int64, len(r.entries))
	for id, e := range r.entries {
		known[id] = e.requests.size()
	}
	screenings, err := v.stock.ScreeningsByID(ctx, slices.Collect(maps.Keys(r.entries)))
	v.readings.Add(1)
	if err != nil {
		v.log.Debug("nobody is refused from memory", "error", err)
		return
	}
	r.refused = make(map[string]error, len(screenings))
	now := v.now()
	for id, screening := range screenings {
		e, err := r.entries[id], screening.Refusal(1, 0, now)
		switch {
		case err == nil:
			e.over.Store(false)
		case known[id] == screening.OrdersMade:
			r.refused[id] = err
		default:
			e.wanted.Store(screening.OrdersMade)
			v.loader.wake()
		}
	}
}
