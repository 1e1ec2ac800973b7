package app

import (
	"sync"
	"time"
)

const (
	clockSlack = time.Second // by which clocks may differ: nobody's deadline is kept that exactly
	clockHeld  = 16          // readings that are held against a clock that was set
	clockRest  = time.Minute // between readings while a clock goes as it should
)

// officeClock is the time of the office, which all of its processes share although the clocks of their machines may differ, and
// which may be wrong for a while when a clock is set. Deadlines are written by one process and judged by another, so Now is the
// time of the database where there is one with a clock of its own. Sure is for what cannot be undone: an order whose time is up
// is cancelled, and its tickets are sold to somebody else. After a clock was set ahead, Sure goes on from before for as long as
// orders may be waiting that were made before: each of them has the time that its buyer was told. Orders end late, at most,
// when a clock is set, and never early.
type officeClock struct {
	wall func() time.Time
	ages func() time.Time // goes on steadily when wall is set; nil: wall has a steady reading of its own, as time.Now has
	keep time.Duration    // that an order may be waiting

	mu    sync.Mutex
	ahead time.Duration // of wall, before the database's clock
	asked bool          // the database has said what the time is
	last  clockReading
	held  []heldReading
}

// clockReading is a time of the office, and the age at which it was read.
type clockReading struct{ at, age time.Time }

// plus is the reading at another age.
func (r clockReading) plus(age time.Time) time.Time { return r.at.Add(age.Sub(r.age)) }

// heldReading is the last one before a clock was set ahead.
type heldReading struct {
	clockReading
	until time.Time // of ages
}

// newOfficeClock returns the clock of an office whose orders wait no longer than keep.
func newOfficeClock(wall, ages func() time.Time, keep time.Duration) *officeClock {
	c := &officeClock{wall: wall, ages: ages, keep: keep}
	c.last = c.read()
	return c
}

// Now is the time of the office.
func (c *officeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall().Add(-c.ahead)
}

// Machine is the time of this machine as the office reads it, whatever clock a test has given the office.
func (c *officeClock) Machine() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(-c.ahead)
}

// read reads the clock. The time has no steady reading any more, which would hide that the clock was set. The caller holds mu,
// or is the first.
func (c *officeClock) read() clockReading {
	at := c.wall()
	age := at
	if c.ages != nil {
		age = c.ages()
	}
	return clockReading{at.Add(-c.ahead).Round(0), age}
}

// Sure is a time that has certainly come.
func (c *officeClock) Sure() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.look()
	sure := now.at
	for _, held := range append([]heldReading{{clockReading: c.last}}, c.held...) {
		if at := held.plus(now.age); at.Before(sure) {
			sure = at
		}
	}
	return sure
}

// look reads the clock, and notices whether it was set since the last reading. The caller holds mu.
func (c *officeClock) look() (now clockReading) {
	now = c.read()
	set := now.at.Sub(c.last.plus(now.age))
	if set > clockSlack {
		c.hold(heldReading{c.last, now.age.Add(c.keep)}, now.age)
	}
	if set.Abs() > clockSlack || now.age.Sub(c.last.age) > clockRest {
		c.last = now
	}
	live := c.held[:0]
	for _, held := range c.held {
		if now.age.Before(held.until) {
			live = append(live, held)
		}
	}
	c.held = live
	return now
}

// hold holds one more reading. Of too many the latest two become one, the earlier of them.
func (c *officeClock) hold(r heldReading, age time.Time) {
	if n := len(c.held); n == clockHeld {
		if last := &c.held[n-1]; r.plus(age).Before(last.plus(age)) {
			last.clockReading = r.clockReading
		}
		c.held[n-1].until = r.until
		return
	}
	c.held = append(c.held, r)
}

// correct is told by how much wall is ahead of the database's clock, and tells whether that was news. The first word of the database
// is taken as it is: nobody was told anything before. A later one that brings the time forward, because that database's clock was
// set or another server answers in its place, is held as a clock that was set; one that makes up for a set wall changes no time.
func (c *officeClock) correct(ahead time.Duration) (isNews bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.asked
	c.asked = true
	if (ahead - c.ahead).Abs() <= clockSlack {
		return false
	}
	c.ahead = ahead
	if first {
		c.last = c.read()
	} else {
		c.look()
	}
	return true
}
