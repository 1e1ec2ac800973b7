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
	// The orders of a screening that somebody has asked for so recently make no room for those of another: two that do not
	// fit together would push each other out for ever, and be read for ever.
	busyFor = time.Minute
)

// cache holds the screenings that this process sells, as last read, so that most purchases need no read of them. Plans use
// an entry younger than freshFor to admit buyers, never to refuse them; the database still judges. saleReader uses the
// request ids of a sale that is over, to tell a repeated key from a new one. A change that another process makes is
// noticed by plans within freshFor, one of this process at once.
type cache struct {
	clock      func() time.Time // measures age; the sale's own time may jump
	began      time.Time
	ordersMax  int64 // in memory, of all screenings together
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
	wanted   atomic.Int64 // how many orders the screening has, as last read; the loader reads until it knows as many
	granted  atomic.Int64 // orders for which there is room, while they are read
	loading  requestLoad  // the loader's alone
}

func newCache(clock func() time.Time) *cache {
	return &cache{clock: clock, began: clock(), ordersMax: cacheRequests, entries: map[string]*entry{}}
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
				delete(c.entries, c.idlest(""))
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

// takeOff takes tickets that this process has reserved off what its entries say is available.
func (c *cache) takeOff(tickets map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range tickets {
		if e, exists := c.entries[id]; exists {
			e.screening.Available -= n
		}
	}
}

// forget makes the entry of a screening that has changed stale: no plan uses it before it is read again.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, exists := c.entries[id]; exists {
		e.readAt = time.Time{}
	}
	c.changes++
}

// doubt makes plans read the database for a while instead of the cache, after the database has refused what was planned from
// it. Buyers who send again what they have already bought do so in waves.
func (c *cache) doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtUntil = c.clock().Add(doubtFor)
}

// turnedAway marks the sale of a screening as over, as a plan has found it.
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

// lacking returns the entries whose request ids are not complete and may be loaded now.
func (c *cache) lacking() map[string]*entry {
	now := c.clock().Sub(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]*entry{}
	for id, e := range c.entries {
		if now >= e.loading.pausedUntil && e.lacksRequests() {
			found[id] = e
		}
	}
	return found
}

// makeRoom evicts entries for the request ids of a screening with so many orders, and tells whether there is room then: those
// that nobody has asked for recently go, the idlest first. Where there is none, the screening waits before it asks again.
func (c *cache) makeRoom(screeningID string, orders int64) bool {
	now := c.clock().Sub(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[screeningID]
	if e == nil {
		return false
	}
	total, idle := orders, int64(0)
	for id, other := range c.entries {
		if id == screeningID {
			continue
		}
		total += other.room()
		if now-other.asked >= busyFor {
			idle += other.room()
		}
	}
	if total-idle > c.ordersMax {
		e.granted.Store(0)
		e.loading.pausedUntil = now + busyFor
		return false
	}
	for total > c.ordersMax {
		idlest := c.idlest(screeningID)
		total -= c.entries[idlest].room()
		delete(c.entries, idlest)
	}
	e.granted.Store(orders)
	return true
}

// idlest is the screening that nobody has asked for the longest, but for one; empty when there is no other. The caller
// holds mu.
func (c *cache) idlest(but string) (id string) {
	for other, e := range c.entries {
		if other != but && (id == "" || e.asked < c.entries[id].asked) {
			id = other
		}
	}
	return id
}

// room is what the orders of a screening take, or will take once they are read.
func (e *entry) room() int64 { return max(e.requests.size(), e.granted.Load()) }

func (e *entry) lacksRequests() bool {
	wanted := e.wanted.Load()
	return e.requests.size() < wanted && e.loading.fullPassFailedAt != wanted
}
