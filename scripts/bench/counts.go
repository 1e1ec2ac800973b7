package main

import (
	"context"
	"crypto/rand"
	"sync/atomic"

	"boxoffice/scripts/load/traffic"
)

const purchasesCounted = 200 // of each buyer

// countCosts counts what an order costs with the usual number of buyers.
func (b *bench) countCosts(ctx context.Context) (figures, error) {
	return b.count(ctx, buyersDefault, purchasesCounted)
}

// count sells a fixed number of tickets and counts what each took, from the first purchase until the last order is created.
// No time is measured: the figures are the same on any machine, but for how many purchases happen to share a batch.
// Checkpoints of SQLite are not counted; they add about two fsyncs for every four megabytes of log.
func (b *bench) count(ctx context.Context, buyers, purchases int) (figures, error) {
	return b.onFixture(ctx, embeddedHome(b.log), func(f *fixture) (figures, error) {
		counter := &statementCounter{}
		office, err := openOffice(ctx, f, officeOptions{opened: counter.watchAll})
		if err != nil {
			return nil, err
		}
		before, statementsBefore, commitsBefore := f.broker.Stats(), counter.all.Load(), counter.commits.Load()
		halvesBefore := f.bus.Stats().HalvesSent
		accepted, err := buyExactly(ctx, office, buyers, purchases)
		if err != nil {
			return nil, err
		}
		if err := eventually(ctx, func() error { return office.createdAll(accepted) }); err != nil {
			return nil, err
		}
		after, n := f.broker.Stats(), float64(accepted)
		result := figures{
			"fsyncs":     float64(after.Syncs-before.Syncs+counter.commits.Load()-commitsBefore) / n, // of the broker's log and both databases
			"statements": float64(counter.all.Load()-statementsBefore) / n,
			"appends":    float64(after.Appends-before.Appends) / n, // messages written to the broker's log
			"halves":     float64(f.bus.Stats().HalvesSent-halvesBefore) / n,
		}
		for code, frames := range after.Frames { // requests of any kind to the broker, heartbeats and pulls among them
			result["frames"] += float64(frames-before.Frames[code]) / n
		}
		return result, office.verify(ctx, accepted)
	})
}

// buyExactly makes each buyer buy so many tickets, one after the other.
func buyExactly(ctx context.Context, v variant, buyers, each int) (accepted int64, err error) {
	var n atomic.Int64
	var failure firstError
	tickets := make(chan struct{}, buyers*each)
	for range buyers * each {
		tickets <- struct{}{}
	}
	close(tickets)
	plan, run := traffic.Plan{Workers: buyers, For: verifyTimeout}, rand.Text()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plan.Run(ctx, func(ctx context.Context, start traffic.Start) {
		if _, more := <-tickets; !more {
			cancel()
			return
		}
		if err := v.buy(context.WithoutCancel(ctx), purchase{run, start.Worker, start.N}); err != nil {
			failure.set(err)
			cancel()
			return
		}
		n.Add(1)
	})
	return n.Load(), failure.get()
}
