package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	overloadFactor = 5
	offerInterval  = time.Millisecond
	// More purchases than the office lets wait. What is due beyond them counts as offered, and is refused right here.
	outstandingMax = 16384
)

// openLoop offers purchases at a fixed rate, whatever the variant does: nobody waits for an answer before the next one
// asks. There are no connections, so that what is measured is the variant and not the generator.
type openLoop struct {
	variant
	run               string
	offered, accepted atomic.Int64
	failure           firstError
}

// overload finds the peak of the box office in a closed loop and then offers five times as much.
func (b *bench) overload(ctx context.Context) (figures, error) {
	return b.onFixture(ctx, b.home, func(f *fixture) (figures, error) {
		office, err := openOffice(ctx, f, officeOptions{})
		if err != nil {
			return nil, err
		}
		peak, err := sellInLoop(ctx, office, buyersDefault, b.duration)
		if err != nil {
			return nil, err
		}
		loop := &openLoop{variant: office, run: rand.Text()}
		goodput, err := loop.measure(ctx, overloadFactor*peak.ordersPerSecond, b.duration)
		if err != nil {
			return nil, err
		}
		result := figures{
			"peak/s": peak.ordersPerSecond, "offered/s": float64(loop.offered.Load()) / (b.duration + b.duration/warmUpShare).Seconds(),
			"goodput/s": goodput, "share": goodput / peak.ordersPerSecond,
		}
		return result, verified(ctx, office, peak.accepted+loop.accepted.Load())
	})
}

func (l *openLoop) measure(ctx context.Context, rate float64, duration time.Duration) (goodput float64, err error) {
	warmUp := duration / warmUpShare
	offerCtx, cancel := context.WithTimeout(ctx, warmUp+duration)
	defer cancel()
	var generator sync.WaitGroup
	generator.Go(func() { l.offer(offerCtx, rate) })
	goodput, err = meterRows(ctx, l.variant, warmUp, duration)
	generator.Wait()
	return goodput, errors.Join(err, l.failure.get())
}

// offer starts what is due every millisecond and returns when all of it is answered.
func (l *openLoop) offer(ctx context.Context, rate float64) {
	var buyers sync.WaitGroup
	defer buyers.Wait()
	outstanding := make(chan struct{}, outstandingMax)
	ticker := time.NewTicker(offerInterval)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for due := int64(time.Since(begin).Seconds() * rate); l.offered.Load() < due; {
			n := l.offered.Add(1)
			select {
			case outstanding <- struct{}{}:
				buyers.Go(func() {
					defer func() { <-outstanding }()
					l.ask(context.WithoutCancel(ctx), n)
				})
			default: // refused by the generator
			}
		}
	}
}

func (l *openLoop) ask(ctx context.Context, n int64) {
	err := l.buy(ctx, purchase{run: l.run, n: n})
	switch {
	case err == nil:
		l.accepted.Add(1)
	case !errors.Is(err, errBusy) && !errors.Is(err, errSoldOut):
		l.failure.set(err)
	}
}
