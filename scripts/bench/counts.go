package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"

	"boxoffice/common/db"
	"boxoffice/scripts/load/traffic"
)

const countedPurchases = 200 // of each buyer

// costs is what accepted orders cost, each.
type costs struct {
	fsyncs     float64 // of the commit log and of both databases
	statements float64
	frames     float64 // requests of any kind to the broker, heartbeats and pulls among them
	appends    float64 // messages written to the broker's log
	messages   float64 // half messages
}

func (c costs) figures() figures {
	return figures{
		"counts.fsyncs": c.fsyncs, "counts.statements": c.statements, "counts.frames": c.frames,
		"counts.appends": c.appends, "counts.halves": c.messages,
	}
}

func (b *bench) countSlot(ctx context.Context) (figures, error) {
	c, err := b.count(ctx, buyersDefault, countedPurchases)
	if err != nil {
		return nil, err
	}
	return c.figures(), nil
}

// count sells a fixed number of tickets and counts what it took from the first purchase until the last order is
// created. It takes no time: the figures are the same on any machine but for how many purchases happen to meet.
// Checkpoints of SQLite are not counted; they add about two fsyncs for every four megabytes of log.
func (b *bench) count(ctx context.Context, buyers, purchases int) (c costs, err error) {
	err = b.onRig(ctx, embeddedHome(b.log), func(r *rig) error {
		counter := &statements{}
		f, err := openOffice(ctx, r, officeOptions{opened: func(stockDB, orderDB *db.DB) error {
			return errors.Join(counter.watch(stockDB), counter.watch(orderDB))
		}})
		if err != nil {
			return err
		}
		before, statementsBefore, commitsBefore := r.broker.Stats(), counter.all.Load(), counter.commits.Load()
		halvesBefore := r.bus.Stats().HalvesSent
		accepted, err := buyExactly(ctx, f, buyers, purchases)
		if err != nil {
			return err
		}
		if err := eventually(ctx, func() error { return f.createdAll(accepted) }); err != nil {
			return err
		}
		after, n := r.broker.Stats(), float64(accepted)
		c = costs{
			fsyncs:     float64(after.Syncs-before.Syncs+counter.commits.Load()-commitsBefore) / n,
			statements: float64(counter.all.Load()-statementsBefore) / n,
			appends:    float64(after.Appends-before.Appends) / n,
			messages:   float64(r.bus.Stats().HalvesSent-halvesBefore) / n,
		}
		for code, frames := range after.Frames {
			c.frames += float64(frames-before.Frames[code]) / n
		}
		return f.rest(ctx, accepted)
	})
	return c, err
}

// buyExactly makes each buyer buy so many tickets, one after the other.
func buyExactly(ctx context.Context, s shop, buyers, each int) (accepted int64, err error) {
	var n atomic.Int64
	failures := make(chan error, 1)
	counter := make(chan struct{}, buyers*each)
	for range buyers * each {
		counter <- struct{}{}
	}
	close(counter)
	plan, run := traffic.Plan{Workers: buyers, For: restTimeout}, rand.Text()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plan.Run(ctx, func(ctx context.Context, start traffic.Start) {
		if _, more := <-counter; !more {
			cancel()
			return
		}
		if err := s.buy(context.WithoutCancel(ctx), purchase{run, start.Worker, start.N}); err != nil {
			fail(failures, err)
			cancel()
			return
		}
		n.Add(1)
	})
	select {
	case err = <-failures:
	default:
	}
	return n.Load(), err
}
