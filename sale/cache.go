package sale

import (
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/stock"
)

const (
	cacheScreenings = 1024
	cacheRequests   = 2 << 20 // of all screenings together, at requestBytes each
	freshFor        = 100 * time.Millisecond
	doubtFor        = time.Second
)

// cache holds the screenings that this process sells, as last read, so that most purchases need no read of them. Plans use
// an entry younger than freshFor to admit buyers, never to refuse them; the database still judges. saleReader uses the
// request ids of a sale that is over, to tell a repeated key from a new one. A change that another process makes is
// noticed by plans within freshFor, one of this process at once.
type cache struct {
	clock      func() time.Time // measures age; the sale's own time may jump
	began      time.Time
	mu         sync.Mutex
	entries    map[string]*entry // by screening
	doubtUntil time.Time
	changes    int // of screenings, by this process
}

// entry is a screening that exists.
type entry struct {
	// Under the cache's lock.
	screening stock.Screening // less what this process has reserved since
	readAt    time.Time       // zero: forgotten
	asked     time.Duration   // when somebody last asked for it, since the cache began

	over     atomic.Bool  // nobody can buy, when last looked at
	requests requestSet   // of its orders, once somebody was turned away
	wanted   atomic.Int64 // orders that there are, by the last reading that knew more than requests
	loading  requestLoad  // the loader's alone
}

func newCache(clock func() time.Time) *cache {
	return &cache{clock: clock, began: clock(), entries: map[string]*entry{}}
}

// moment is when a reading of the database began, and how many changes of screenings this process had made until then.
type moment struct {
	at      time.Time
	changes int
}

// recall returns the screenings of the list that are fresh, none while in doubt. What is read for the others from then on
// is kept as of that moment.
func (c *cache) recall(list []*purchase) (known map[string]stock.Screening, asOf moment) {
	now := c.clock()
	known = map[string]stock.Screening{}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.doubtUntil) {
		return known, moment{now, c.changes}
	}
	for _, p := range list {
		if e, exists := c.entries[p.request.ScreeningID]; exists && !e.readAt.IsZero() && now.Sub(e.readAt) < freshFor {
			known[e.screening.ID] = e.screening
		}
	}
	return known, moment{now, c.changes}
}

// keep remembers what was read, unless a screening has changed since the reading began: it may have been read before that.
func (c *cache) keep(screenings map[string]stock.Screening, asOf moment) {
	now := c.clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, screening := range screenings {
		e := c.entries[id]
		if e == nil {
			if len(c.entries) >= cacheScreenings {
				c.dropIdlest("")
			}
			e = &entry{}
			c.entries[id] = e
		}
		e.asked = now.Sub(c.began)
		if c.changes == asOf.changes {
			e.screening, e.readAt = screening, asOf.at
		}
	}
}

// sold takes off what this process has reserved.
func (c *cache) sold(tickets map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range tickets {
		if e, exists := c.entries[id]; exists {
			e.screening.Available -= n
		}
	}
}

// forget lets no plan use a screening that has changed before it is read again.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, exists := c.entries[id]; exists {
		e.readAt = time.Time{}
	}
	c.changes++
}

// doubt makes everything be looked up for a while: a list was let in that the database refused. Buyers who send again
// what they have already bought do so in waves.
func (c *cache) doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtUntil = c.clock().Add(doubtFor)
}

// turnedAway notes that a plan has found the sale of a screening over.
func (c *cache) turnedAway(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, exists := c.entries[id]; exists {
		e.over.Store(true)
	}
}

// over returns the entry of a screening whose sale was over when it was last looked at, else nil.
func (c *cache) over(id string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		return nil
	}
	e.asked = c.clock().Sub(c.began)
	if !e.over.Load() {
		return nil
	}
	return e
}

// lacking returns the entries that lack orders of their screening.
func (c *cache) lacking() map[string]*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]*entry{}
	for id, e := range c.entries {
		if e.lacksRequests() {
			found[id] = e
		}
	}
	return found
}

// makeRoom drops the idlest other screenings until so many orders of this one fit, and tells whether they do.
func (c *cache) makeRoom(screeningID string, orders int64) bool {
	if orders > cacheRequests {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	total := orders
	for id, e := range c.entries {
		if id != screeningID {
			total += e.requests.size()
		}
	}
	for total > cacheRequests {
		total -= c.dropIdlest(screeningID)
	}
	return true
}

// dropIdlest drops the screening that nobody has asked for the longest, but for one, and returns the number of its orders.
// The caller holds mu.
func (c *cache) dropIdlest(but string) (orders int64) {
	var idlest string
	for id, e := range c.entries {
		if id != but && (idlest == "" || e.asked < c.entries[idlest].asked) {
			idlest = id
		}
	}
	if e := c.entries[idlest]; e != nil {
		orders = e.requests.size()
		delete(c.entries, idlest)
	}
	return orders
}

func (e *entry) lacksRequests() bool {
	wanted := e.wanted.Load()
	return e.requests.size() < wanted && e.loading.fullPassFailedAt != wanted
}
