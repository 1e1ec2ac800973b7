// Package officeclock tells the time that all processes of an office share, although the clocks of their machines may differ and
// may be set. It says what time it is, and what time it certainly is.
package officeclock

import (
	"sync"
	"sync/atomic"
	"time"
)

// Slack is by how much a clock may go wrong without having been set. It is put right, and what it said is not held against it.
const Slack = time.Second

const (
	heldMax = 16          // readings that are held against a clock that was set
	restFor = time.Minute // between readings while a clock goes as it should
)

// Clock is the time of the office, which all of its processes share although the clocks of their machines may differ, and
// which may be wrong for a while when a clock is set. Deadlines are written by one process and judged by another, so Now is the
// time of the database where there is one with a clock of its own. Sure is for what cannot be undone: an order whose time is up
// is cancelled, and its tickets are sold to somebody else. After a clock was set ahead, Sure goes on from before for as long as
// orders may be waiting that were made before: each of them has the time that its buyer was told. Orders end late, at most,
// when a clock is set, and never early.
type Clock struct {
	wall func() time.Time
	ages func() time.Time // goes on steadily when wall is set; nil: wall has a steady reading of its own, as time.Now has
	keep time.Duration    // that an order may be waiting

	ahead atomic.Int64            // nanoseconds by which wall is before the database's clock; it is written by who holds mu
	said  atomic.Pointer[reading] // when the database was last asked

	mu    sync.Mutex
	asked bool // the database has said what the time is
	last  reading
	held  []heldReading
}

// reading is a time of the office, and the age at which it was read.
type reading struct{ at, age time.Time }

// plus is the reading at another age.
func (r reading) plus(age time.Time) time.Time { return r.at.Add(age.Sub(r.age)) }

// heldReading is the last one before a clock was set ahead.
type heldReading struct {
	reading
	until time.Time // of ages
}

// New returns the clock of an office whose orders wait no longer than keep.
func New(wall, ages func() time.Time, keep time.Duration) *Clock {
	c := &Clock{wall: wall, ages: ages, keep: keep}
	c.last = c.read()
	c.believe()
	return c
}

// Now is the time of the office. When wall is set back, time goes on as before until the database has been asked: whoever buys
// meanwhile would else be promised a deadline that the other processes find to be over.
func (c *Clock) Now() time.Time { return c.at(c.wall()) }

// at is the time of the office when wall says so.
func (c *Clock) at(wall time.Time) time.Time {
	now, steady := c.corrected(wall), c.said.Load().plus(c.age(wall))
	if now.Round(0).Before(steady.Round(0)) {
		return steady
	}
	return now
}

// Machine is the time of this machine as the office reads it, whatever clock a test has given the office.
func (c *Clock) Machine() time.Time { return c.corrected(time.Now()) }

// corrected is what the database's clock says when a machine's says at.
func (c *Clock) corrected(at time.Time) time.Time { return at.Add(-time.Duration(c.ahead.Load())) }

// believe takes what the clock says for the time from which it goes on.
func (c *Clock) believe() {
	wall := c.wall()
	c.said.Store(&reading{c.corrected(wall), c.age(wall)})
}

// age is the steady reading that belongs to a time of wall.
func (c *Clock) age(wall time.Time) time.Time {
	if c.ages == nil {
		return wall
	}
	return c.ages()
}

// read reads the clock. The time has no steady reading any more, which would hide that the clock was set. The caller holds mu,
// or is the first.
func (c *Clock) read() reading {
	wall := c.wall()
	return reading{c.corrected(wall).Round(0), c.age(wall)}
}

// Sure is a time that has certainly come.
func (c *Clock) Sure() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.look()
	sure := earlier(now.at, c.last.plus(now.age))
	for _, held := range c.held {
		sure = earlier(sure, held.plus(now.age))
	}
	return sure
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// look reads the clock, and notices whether it was set since the last reading. The caller holds mu.
func (c *Clock) look() (now reading) {
	now = c.read()
	set := now.at.Sub(c.last.plus(now.age))
	if set > Slack {
		c.hold(heldReading{c.last, now.age.Add(c.keep)}, now.age)
	}
	if set.Abs() > Slack || now.age.Sub(c.last.age) > restFor {
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
func (c *Clock) hold(r heldReading, age time.Time) {
	if n := len(c.held); n == heldMax {
		if last := &c.held[n-1]; r.plus(age).Before(last.plus(age)) {
			last.reading = r.reading
		}
		c.held[n-1].until = r.until
		return
	}
	c.held = append(c.held, r)
}

// Correct is told by how much wall is ahead of the database's clock, to within what the question took, and tells whether that was
// news. A small difference counts as well, or one process would end the orders of another too early by as much; but the office's
// time changes only as far as the answer proves, so that a slow one moves no clock away from the right time. The first word of the
// database is taken as it is: nobody was told anything before. A later one that brings the time forward, because that database's
// clock was set or another server answers in its place, is held as a clock that was set; one that makes up for a set wall changes
// no time.
func (c *Clock) Correct(ahead, within time.Duration) (isNews bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := time.Duration(c.ahead.Load())
	first := !c.asked
	if !first {
		wall := c.wall()
		known := wall.Round(0).Sub(c.at(wall).Round(0))
		ahead = min(max(known, ahead-within), ahead+within)
	}
	c.asked = true
	c.ahead.Store(int64(ahead))
	c.believe()
	isNews = (ahead - before).Abs() > Slack
	switch {
	case first && ahead != before:
		c.last = c.read()
	case isNews:
		c.look()
	}
	return isNews
}
