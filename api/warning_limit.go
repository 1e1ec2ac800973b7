package api

import (
	"sync"
	"time"
)

// warningPause is the pause between two warnings of requests that failed for an outage. A line for each of them, thousands
// a second, would fill the very disk whose fullness they tell of; the outage itself has lines of its own.
const warningPause = time.Minute

// warningLimit lets one warning pass in warningPause, and counts the others.
type warningLimit struct {
	mu      sync.Mutex
	passed  time.Time
	skipped int
}

// pass tells whether a warning is logged now, and how many were not since the last one.
func (l *warningLimit) pass(now time.Time) (bool, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := now.Sub(l.passed); since >= 0 && since < warningPause {
		l.skipped++
		return false, 0
	}
	skipped := l.skipped
	l.passed, l.skipped = now, 0
	return true, skipped
}
