package mq

import (
	"sync"
	"time"
)

// repeatPause is the pause between two lines of the client library that say the same: it says it for every queue, every
// few seconds.
const repeatPause = time.Minute

// repeats lets a message pass once in repeatPause, and counts the others.
type repeats struct {
	mu   sync.Mutex
	said map[string]said // the library has some hundred messages
}

type said struct {
	at      time.Time
	skipped int // since then
}

func newRepeats() *repeats { return &repeats{said: map[string]said{}} }

// pass tells whether a message is logged now, and how many like it were not since the last one.
func (r *repeats) pass(message string, now time.Time) (passes bool, skipped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, before := r.said[message]
	if before && now.Sub(last.at) < repeatPause {
		last.skipped++
		r.said[message] = last
		return false, 0
	}
	r.said[message] = said{at: now}
	return true, last.skipped
}
