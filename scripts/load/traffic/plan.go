// Package traffic makes load and measures it: a plan of starts, connections that cost the machine little, and latency
// histograms. The load tester and the benchmark share it.
package traffic

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// overrunMax is how long after its end an open-loop plan may still start what a slow server has held up.
const overrunMax = 10 * time.Second

// Plan says when requests start. With a Rate the loop is open: the start times are fixed beforehand, whatever the
// server does, and a request that starts late because all workers wait for answers is late by its own latency. Without
// one it is closed: each worker starts its next request when it has the answer to the last.
type Plan struct {
	Workers int           // requests under way at once
	Rate    float64       // starts per second; 0 is a closed loop
	For     time.Duration // of all starts
}

// Start is one request to make.
type Start struct {
	Worker int
	N      int64     // 0, 1, 2 ... over all workers
	Due    time.Time // from when on latency counts: the intended start, not the real one
}

// Report says what became of a plan.
type Report struct {
	Started int64
	NotSent int64         // planned, and given up because the server was too far behind
	Took    time.Duration // until the last answer
}

// Total is the number of starts of an open loop.
func (p Plan) Total() int64 { return int64(p.Rate * p.For.Seconds()) }

// Run calls do for every start and returns when the last call has. The end of ctx ends it early.
func (p Plan) Run(ctx context.Context, do func(context.Context, Start)) Report {
	begin := time.Now()
	next := p.closed(begin)
	if p.Rate > 0 {
		next = p.open(begin)
	}
	var started atomic.Int64
	var workers sync.WaitGroup
	for worker := range p.Workers {
		workers.Go(func() {
			for {
				n, due, more := next(ctx)
				if !more {
					return
				}
				started.Add(1)
				do(ctx, Start{Worker: worker, N: n, Due: due})
			}
		})
	}
	workers.Wait()
	report := Report{Started: started.Load(), Took: time.Since(begin)}
	if p.Rate > 0 {
		report.NotSent = p.Total() - report.Started
	}
	return report
}

type starts func(context.Context) (n int64, due time.Time, more bool)

func (p Plan) closed(begin time.Time) starts {
	var count atomic.Int64
	end := begin.Add(p.For)
	return func(ctx context.Context) (int64, time.Time, bool) {
		now := time.Now()
		if ctx.Err() != nil || !now.Before(end) {
			return 0, now, false
		}
		return count.Add(1) - 1, now, true
	}
}

func (p Plan) open(begin time.Time) starts {
	var count atomic.Int64
	total := p.Total()
	giveUp := begin.Add(p.For + overrunMax)
	return func(ctx context.Context) (int64, time.Time, bool) {
		n := count.Add(1) - 1
		due := begin.Add(time.Duration(float64(n) / p.Rate * float64(time.Second)))
		if n >= total || time.Now().After(giveUp) {
			return 0, due, false
		}
		return n, due, waitUntil(ctx, due)
	}
}

// waitUntil is false when ctx ends first.
func waitUntil(ctx context.Context, due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
