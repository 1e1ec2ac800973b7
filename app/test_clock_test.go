package app

import (
	"sync/atomic"
	"time"
)

// testClock is real time plus what a test adds, to the office and the broker alike, plus by how much it was set: that is not for
// how long things last.
type testClock struct{ offset, set atomic.Int64 }

func (c *testClock) Now() time.Time {
	at := c.age()
	if set := c.set.Load(); set != 0 {
		return at.Round(0).Add(time.Duration(set))
	}
	return at
}

func (c *testClock) age() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }
