package stock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	readingPause   = 2 * time.Millisecond // from the start of one reading to that of the next
	readingTimeout = 500 * time.Millisecond
	viewScreenings = 1024
	viewOrders     = 2 << 20 // of all screenings together, at requestBytes each
)

// view answers the buyers of a sale that is over without a plan, a message, or a look at their request's body. It knows
// the screenings for which a plan has lately turned somebody away, and the request ids of all their orders. It refuses on
// two conditions: a reading of the database that began after the request came says that the sale is over, and there is no
// order with the request's id among as many orders as that reading counts. So a repeated key finds its order, whichever
// process has sold it a moment ago, and returned stock sells again at once. All who wait share one reading, as those who
// buy share one transaction. What the view does not refuse, Purchase decides.
type view struct {
	stock    *Stock
	clock    func() time.Time // measures age; the sale's own time may jump
	began    time.Time
	mu       sync.Mutex
	entries  map[string]*viewEntry // by screening
	next     *reading              // which those who come now will share; nil when nobody waits
	closed   bool
	wake     chan struct{} // of size 1: next is there
	load     chan struct{} // of size 1: an entry lacks orders
	readings atomic.Int64
	pages    atomic.Int64
}

// viewEntry is a screening for which somebody was turned away.
type viewEntry struct {
	over     atomic.Bool  // when last looked at
	asked    atomic.Int64 // when somebody last asked, since the view began
	requests requestSet
	wanted   atomic.Int64 // orders that there are, by the last reading that lacked some
	loading  requestLoad  // the loader's alone
}

// reading is one look at the database, shared by all who came before it began.
type reading struct {
	done    chan struct{} // closed when refused is filled
	entries map[string]*viewEntry
	refused map[string]error // by screening, why nobody can buy; absent when somebody might, or when it is not known
}

func newView(s *Stock, clock func() time.Time) *view {
	return &view{
		stock: s, clock: clock, began: clock(), entries: map[string]*viewEntry{},
		wake: make(chan struct{}, 1), load: make(chan struct{}, 1),
	}
}

// Refuse says why a purchase cannot succeed now: ErrSoldOut, ErrSaleNotOpen or ErrSaleClosed. Nil says nothing: Purchase
// decides. It waits for one reading of the database, or for the end of ctx.
func (s *Seller) Refuse(ctx context.Context, screeningID, buyerID, key string) error {
	e, r := s.view.ask(screeningID)
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return nil
	}
	err := r.refused[screeningID]
	if err == nil || e.requests.has(buyerID, key) {
		return nil
	}
	return err
}

// ask joins the next reading for a screening whose sale was over when it was last looked at.
func (v *view) ask(screeningID string) (*viewEntry, *reading) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.entries[screeningID]
	if e == nil || v.closed {
		return nil, nil
	}
	e.asked.Store(int64(v.clock().Sub(v.began)))
	if !e.over.Load() {
		return nil, nil
	}
	if v.next == nil {
		v.next = &reading{done: make(chan struct{}), entries: map[string]*viewEntry{}}
		signal(v.wake)
	}
	v.next.entries[screeningID] = e
	return e, v.next
}

// turnedAway notes a screening that exists and whose buyers a plan has just turned away.
func (v *view) turnedAway(screeningID string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.entries[screeningID]
	if e == nil {
		if len(v.entries) >= viewScreenings {
			v.forgetIdlest("")
		}
		e = &viewEntry{}
		e.asked.Store(int64(v.clock().Sub(v.began)))
		v.entries[screeningID] = e
	}
	e.over.Store(true)
}

// forgetIdlest drops the screening that nobody has asked for the longest, but for one, and returns the number of its
// orders. The caller holds mu.
func (v *view) forgetIdlest(but string) (orders int64) {
	idlest, since := "", int64(0)
	for id, e := range v.entries {
		if asked := e.asked.Load(); id != but && (idlest == "" || asked < since) {
			idlest, since = id, asked
		}
	}
	if e := v.entries[idlest]; e != nil {
		orders = e.requests.size()
		delete(v.entries, idlest)
	}
	return orders
}

// run reads for those who wait, until ctx ends.
func (v *view) run(ctx context.Context) {
	defer v.close()
	var loading sync.WaitGroup
	loading.Go(func() { v.runLoads(ctx) })
	defer loading.Wait()
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

// close lets those who wait go to Purchase.
func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	if v.next != nil {
		close(v.next.done)
		v.next = nil
	}
}

// readOnce makes the reading for which somebody waits. What it cannot read refuses nobody.
func (v *view) readOnce(ctx context.Context) {
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
	// Rows go only to the archive, where none is left of their sales: as many orders as the reading counts, all known before
	// it began, are all orders.
	known := make(map[string]int64, len(r.entries))
	for id, e := range r.entries {
		known[id] = e.requests.size()
	}
	rows, err := v.stock.readSales(ctx, r.entries)
	v.readings.Add(1)
	if err != nil {
		v.stock.log.Debug("nobody is refused from memory", "error", err)
		return
	}
	r.refused = make(map[string]error, len(rows))
	now := v.stock.now().UnixMilli()
	for _, row := range rows {
		e, err := r.entries[row.ScreeningID], row.refusal(now)
		switch {
		case err == nil:
			e.over.Store(false)
		case known[row.ScreeningID] == row.Sales:
			r.refused[row.ScreeningID] = err
		default:
			e.wanted.Store(row.Sales)
			signal(v.load)
		}
	}
}

// signal wakes a goroutine that takes one value for any number of them.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// isOver tells a refusal that everybody gets, as far as tickets, times and screening go.
func isOver(err error) bool {
	return errors.Is(err, ErrSoldOut) || errors.Is(err, ErrSaleClosed) || errors.Is(err, ErrSaleNotOpen)
}

type salesRow struct {
	ScreeningID  string `db:"screening_id"`
	Available    int64  `db:"available"`
	Sales        int64  `db:"sales"`
	SaleOpensAt  int64  `db:"sale_opens_at"`
	SaleClosesAt int64  `db:"sale_closes_at"`
	Archived     bool   `db:"archived"`
}

func (r salesRow) refusal(now int64) error {
	switch {
	case now < r.SaleOpensAt:
		return ErrSaleNotOpen
	case r.Archived, now >= r.SaleClosesAt:
		return ErrSaleClosed
	case r.Available == 0:
		return ErrSoldOut
	}
	return nil
}

func (s *Stock) readSales(ctx context.Context, wanted map[string]*viewEntry) ([]salesRow, error) {
	ids := make([]any, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	var rows []salesRow
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT k.screening_id, k.available, k.sales, s.sale_opens_at, s.sale_closes_at,
		k.archived_at IS NOT NULL AS archived FROM stock k JOIN screenings s ON s.id = k.screening_id
		WHERE k.screening_id IN `+among(len(ids)), ids...)
	return rows, err
}
