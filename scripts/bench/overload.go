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
	floodTick      = time.Millisecond
	// More than the office lets wait; the next ones are turned away by the generator, which is counted as their offer.
	floodOutstanding = 16384
)

// flooded counts purchases that come at a fixed rate, whatever the office does: nobody waits for an answer before the
// next one asks. It is open loop without connections, so that what is measured is the office and not the generator.
type flooded struct {
	shop
	run                         string
	offered, accepted, rejected atomic.Int64
	failures                    chan error
}

// overload finds the office's peak in a closed loop and then offers five times as much.
func (b *bench) overload(ctx context.Context) (f figures, err error) {
	err = b.onRig(ctx, b.home, func(r *rig) error {
		office, err := openOffice(ctx, r, officeOptions{})
		if err != nil {
			return err
		}
		peak, err := sell(ctx, office, buyersDefault, b.slot)
		if err != nil {
			return err
		}
		flood := &flooded{shop: office, run: rand.Text(), failures: make(chan error, 1)}
		goodput, err := flood.measure(ctx, overloadFactor*peak.perSecond, b.slot)
		if err != nil {
			return err
		}
		f = figures{
			"overload.peak/s": peak.perSecond, "overload.offered/s": float64(flood.offered.Load()) / (b.slot + b.slot/warmShare).Seconds(),
			"overload.goodput/s": goodput, "overload.share": goodput / peak.perSecond,
		}
		restCtx, cancel := context.WithTimeout(ctx, restTimeout)
		defer cancel()
		return office.rest(restCtx, peak.accepted+flood.accepted.Load())
	})
	return f, err
}

func (f *flooded) measure(ctx context.Context, rate float64, slot time.Duration) (goodput float64, err error) {
	warm := slot / warmShare
	floodCtx, cancel := context.WithTimeout(ctx, warm+slot)
	defer cancel()
	var flood sync.WaitGroup
	flood.Go(func() { f.offer(floodCtx, rate) })
	goodput, err = meterRows(ctx, f.shop, warm, slot)
	flood.Wait()
	select {
	case failure := <-f.failures:
		err = errors.Join(err, failure)
	default:
	}
	return goodput, err
}

// offer starts what is due every millisecond and returns when all of it is answered.
func (f *flooded) offer(ctx context.Context, rate float64) {
	var buyers sync.WaitGroup
	defer buyers.Wait()
	slots := make(chan struct{}, floodOutstanding)
	ticker := time.NewTicker(floodTick)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for due := int64(time.Since(begin).Seconds() * rate); f.offered.Load() < due; {
			n := f.offered.Add(1)
			select {
			case slots <- struct{}{}:
				buyers.Go(func() {
					defer func() { <-slots }()
					f.ask(context.WithoutCancel(ctx), n)
				})
			default:
				f.rejected.Add(1)
			}
		}
	}
}

func (f *flooded) ask(ctx context.Context, n int64) {
	err := f.buy(ctx, purchase{run: f.run, n: n})
	switch {
	case err == nil:
		f.accepted.Add(1)
	case errors.Is(err, errBusy), errors.Is(err, errSoldOut):
		f.rejected.Add(1)
	default:
		fail(f.failures, err)
	}
}
