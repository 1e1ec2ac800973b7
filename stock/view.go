package stock

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	viewRefresh  = 50 * time.Millisecond
	viewFresh    = 150 * time.Millisecond // an older glance refuses nobody
	viewTimeout  = time.Second
	viewIdle     = time.Minute // a screening that nobody asks for is dropped
	viewEntries  = 1024
	viewOverlap  = 20 * time.Second // more than a list takes from its plan to its commit
	viewSoonIdle = 2 * time.Second  // a screening that nobody asks for is not read
)

// view remembers what the database said a moment ago about the screenings that buyers ask for, so that a purchase
// which cannot succeed is refused without a statement, a message or a look at its body. It errs on one side only: what
// it does not refuse, Purchase decides. It refuses nobody on a glance older than viewFresh, so returned stock sells
// again in every process, and nobody whose order exists, so a repeated key finds its order in a sale that is over. Only
// an order that another process has taken within the last viewFresh may not be known yet.
type view struct {
	stock   *Stock
	clock   func() time.Time // measures age; the sale's own time may jump
	mu      sync.RWMutex
	entries map[string]*viewEntry
}

type viewEntry struct {
	asked    atomic.Int64 // Unix milliseconds of the last question
	current  atomic.Pointer[glance]
	mu       sync.Mutex // of those who replace current
	taken    int64      // lists of this process that were reserved; guarded by mu
	requests requestSet
	loading  requestLoad // the refresher's alone
}

// requestLoad is how far the reading of a screening's orders has come.
type requestLoad struct {
	newest   int64 // created_at of the newest order read
	sales    int64 // what the last attempts were for
	attempts int
}

// glance is one reading of a screening.
type glance struct {
	at       time.Time // by the view's clock
	free     bool      // tickets are available
	opens    int64
	closes   int64
	complete bool // the entry's requests held those of every order of the screening at that time
}

func newView(s *Stock, clock func() time.Time) *view {
	return &view{stock: s, clock: clock, entries: map[string]*viewEntry{}}
}

// Refuse says from memory why a purchase cannot succeed now: ErrSoldOut, ErrSaleNotOpen or ErrSaleClosed. Nil says
// nothing: Purchase decides.
func (s *Seller) Refuse(screeningID, buyerID, key string) error {
	now := s.view.clock()
	e := s.view.entry(screeningID, now)
	if e == nil {
		return nil
	}
	g := e.current.Load()
	if g == nil || !g.complete || now.Sub(g.at) > viewFresh {
		return nil
	}
	err := g.refusal(s.stock.now().UnixMilli())
	if err == nil || e.requests.has(buyerID, key) {
		return nil
	}
	return err
}

func (g *glance) refusal(now int64) error {
	switch {
	case now < g.opens:
		return ErrSaleNotOpen
	case now >= g.closes:
		return ErrSaleClosed
	case !g.free:
		return ErrSoldOut
	}
	return nil
}

// entry notes the question and returns what is known of the screening, or nil when there is no room to know it.
func (v *view) entry(screeningID string, at time.Time) *viewEntry {
	now := at.UnixMilli()
	v.mu.RLock()
	e := v.entries[screeningID]
	v.mu.RUnlock()
	if e == nil {
		if !isText(screeningID, screeningIDMax) {
			return nil
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if e = v.entries[screeningID]; e == nil {
			if len(v.entries) >= viewEntries {
				return nil
			}
			e = &viewEntry{}
			v.entries[screeningID] = e
		}
	}
	if e.asked.Load() < now-100 { // not at every question, the line is shared by all of them
		e.asked.Store(now)
	}
	return e
}

// run reads again and again what is asked for, until ctx ends.
func (v *view) run(ctx context.Context) {
	ticker := time.NewTicker(viewRefresh)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			v.refresh(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// refresh makes one pass. What it cannot read grows old and refuses nobody.
func (v *view) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, viewTimeout)
	defer cancel()
	asked := v.askedFor(v.clock())
	if len(asked) == 0 {
		return
	}
	at := v.clock()
	taken := make(map[string]int64, len(asked))
	for id, e := range asked {
		taken[id] = e.takenSoFar()
	}
	rows, err := v.stock.readSales(ctx, asked)
	if err != nil {
		v.stock.log.Debug("view of the stock is not refreshed", "error", err)
		return
	}
	for _, row := range rows {
		e := asked[row.ScreeningID]
		g := &glance{at: at, free: row.Available > 0, opens: row.SaleOpensAt, closes: row.SaleClosesAt}
		if g.refusal(v.stock.now().UnixMilli()) != nil {
			g.complete = v.complete(ctx, e, row)
		}
		e.replace(g, taken[row.ScreeningID])
	}
}

// reserved makes the view look again at these screenings before it refuses anybody: orders were taken that it has not
// read.
func (v *view) reserved(tickets map[string]int64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for id := range tickets {
		if e := v.entries[id]; e != nil {
			e.mu.Lock()
			e.taken++
			e.current.Store(nil)
			e.mu.Unlock()
		}
	}
}

func (e *viewEntry) takenSoFar() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.taken
}

// replace drops a glance that was overtaken by a list of this process.
func (e *viewEntry) replace(g *glance, taken int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken == taken {
		e.current.Store(g)
	}
}

// complete tells whether the entry's requests are all that there were at the reading. They were read before it and rows
// are never deleted, so it is enough that there are as many as the stock row counts. When there are fewer, they are read
// for the next pass: first what is new, then, should another process's clock be far behind, all.
func (v *view) complete(ctx context.Context, e *viewEntry, row salesRow) bool {
	if e.requests.size() == row.Sales {
		return true
	}
	l := &e.loading
	if l.sales != row.Sales {
		l.sales, l.attempts = row.Sales, 0
	}
	since := int64(0)
	switch l.attempts++; l.attempts {
	case 1:
		since = l.newest - viewOverlap.Milliseconds()
	case 2:
	default:
		return false
	}
	orders, err := v.stock.readRequests(ctx, row.ScreeningID, since)
	if err != nil {
		v.stock.log.Debug("orders of a screening are not read", "screening_id", row.ScreeningID, "error", err)
		l.attempts--
		return false
	}
	for _, order := range orders {
		l.newest = max(l.newest, order.CreatedAt)
	}
	e.requests.add(orders)
	return false
}

// askedFor returns what somebody has asked for lately, and forgets what nobody has for long.
func (v *view) askedFor(now time.Time) map[string]*viewEntry {
	v.mu.Lock()
	defer v.mu.Unlock()
	asked := make(map[string]*viewEntry, len(v.entries))
	for id, e := range v.entries {
		switch idle := now.Sub(time.UnixMilli(e.asked.Load())); {
		case idle > viewIdle:
			delete(v.entries, id)
		case idle < viewSoonIdle:
			asked[id] = e
		}
	}
	return asked
}

type salesRow struct {
	ScreeningID  string `db:"screening_id"`
	Available    int64  `db:"available"`
	Sales        int64  `db:"sales"`
	SaleOpensAt  int64  `db:"sale_opens_at"`
	SaleClosesAt int64  `db:"sale_closes_at"`
}

func (s *Stock) readSales(ctx context.Context, asked map[string]*viewEntry) ([]salesRow, error) {
	ids := make([]any, 0, len(asked))
	for id := range asked {
		ids = append(ids, id)
	}
	var rows []salesRow
	err := s.db.Reader().SelectContext(ctx, &rows, `SELECT k.screening_id, k.available, k.sales, s.sale_opens_at, s.sale_closes_at
		FROM stock k JOIN screenings s ON s.id = k.screening_id WHERE k.screening_id IN `+among(len(ids)), ids...)
	return rows, err
}
