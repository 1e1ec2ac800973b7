package sale

import (
	"testing"
	"time"
	"unsafe"

	"boxoffice/stock"
)

// stepped is the same moment by a wall clock that was an hour ahead then, and was set right since. What package time
// keeps beside the wall clock, for differences, stays as it is.
func stepped(t *testing.T, at time.Time) time.Time {
	t.Helper()
	const secondsShift = 30
	ahead := at
	*(*uint64)(unsafe.Pointer(&ahead)) += uint64(time.Hour/time.Second) << secondsShift
	if ahead.Sub(at) != 0 || ahead.UnixNano()-at.UnixNano() != time.Hour.Nanoseconds() {
		t.Skip("this release of Go keeps its times in another way")
	}
	return ahead
}

// A half message was given up, the wall clock was set back, and until it had caught up every purchase was answered 503:
// it seemed to have waited since before the failure.
func TestClockThatStepsBackKeepsNobodyFromBuying(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	seller := newUnstarted(s)
	failed := stepped(t, time.Now())
	seller.queueFailed.Store(&failed)
	mustBuyOne(t, seller, screening.ID, "alice")
}

// What the cache holds is as old as before when the wall clock is set.
func TestClockThatStepsBackMakesNothingYounger(t *testing.T) {
	now := time.Now()
	c := newCache(func() time.Time { return now })
	c.entries["s"] = &entry{screening: stock.Screening{ID: "s"}, readAt: stepped(t, now)}
	c.doubtUntil = stepped(t, now)
	now = now.Add(freshFor)
	list := []*purchase{{request: Request{ScreeningID: "s"}}}
	if known, _ := c.recall(list); len(known) != 0 {
		t.Error("a screening that was read too long ago is remembered")
	}
	c.entries["s"].readAt = stepped(t, now)
	if known, _ := c.recall(list); len(known) != 1 {
		t.Error("a screening that was just read is not remembered: in doubt by the wall clock")
	}
}
