// Package outage tells an operator when something is away and when it is back, in one line each, however many calls fail
// meanwhile.
package outage

import (
	"log/slog"
	"sync"
	"time"
)

// Outage logs when one thing that a process needs goes away and when it is back. Make one with New; it may be used
// concurrently.
type Outage struct {
	log      *slog.Logger
	what     string
	patience int

	mu       sync.Mutex
	failures int       // since the last success
	first    time.Time // of them
	isAway   bool
}

// New returns the outages of something, "stock database". It is away once this many uses have failed one after the other:
// 1 where each is a check of its own, more where one use may fail for a reason of its own.
func New(log *slog.Logger, what string, patience int) *Outage {
	return &Outage{log: log, what: what, patience: patience}
}

// Observe takes the result of one use, and tells whether the thing is away.
func (o *Outage) Observe(err error) (away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		if o.isAway {
			o.log.Info("outage ends", "of", o.what, "lasted", time.Since(o.first).Round(time.Millisecond))
		}
		o.failures, o.isAway = 0, false
		return false
	}
	o.failures++
	if o.failures == 1 {
		o.first = time.Now()
	}
	if o.failures >= o.patience && !o.isAway {
		o.isAway = true
		o.log.Warn("outage begins", "of", o.what, "error", err)
	}
	return o.isAway
}
