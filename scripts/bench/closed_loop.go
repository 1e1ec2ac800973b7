package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/scripts/load/traffic"
)

const warmUpShare = 5 // a fifth of the measured time is sold before it

// loopResult is what a closed loop of buyers measured.
type loopResult struct {
	accepted, rejected int64
	ordersPerSecond    float64       // order rows that came into being in the measured time
	processor          time.Duration // of this process and the server's, from the first purchase until nothing is under way
	latency            *traffic.Latency
}

func (r loopResult) figures() figures {
	result := figures{perSecond: r.ordersPerSecond}
	if r.latency.Count() > 0 {
		result["p50 ms"], result["p99 ms"] = milliseconds(r.latency.Percentile(50)), milliseconds(r.latency.Percentile(99))
	}
	if answered := r.accepted + r.rejected; answered > 0 && r.processor > 0 {
		result["processor us"] = float64(r.processor.Microseconds()) / float64(answered)
	}
	return result
}

// openFunc opens a variant on a fixture, with which it ends.
type openFunc func(context.Context, *fixture) (variant, error)

// openAndSell opens a variant and measures it in a closed loop of buyers.
func openAndSell(ctx context.Context, f *fixture, open openFunc, buyers int, duration time.Duration) (figures, error) {
	v, err := open(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	result, err := sellInLoop(ctx, v, buyers, duration)
	if err != nil {
		return nil, err
	}
	return result.figures(), nil
}

// sellInLoop lets buyers buy from a variant in a closed loop: each asks again when it has its answer. It measures what
// comes after the warm-up, and has the variant account for every ticket before it returns.
func sellInLoop(ctx context.Context, v variant, buyers int, duration time.Duration) (loopResult, error) {
	result := loopResult{latency: traffic.NewLatency()}
	pids := []int{os.Getpid()}
	if other, ok := v.(remote); ok {
		pids = append(pids, other.pid())
	}
	before := processTime(pids...)
	var accepted, rejected atomic.Int64
	var failure firstError
	warmUp, run := duration/warmUpShare, rand.Text()
	measured := time.Now().Add(warmUp)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var meter sync.WaitGroup
	meter.Go(func() {
		rate, err := meterRows(ctx, v, warmUp, duration)
		result.ordersPerSecond = rate
		failure.set(err)
	})
	// The buyers go on a little longer than the meter measures, so that it never reads an idle variant.
	plan := traffic.Plan{Workers: buyers, For: warmUp + duration + duration/10}
	plan.Run(ctx, func(ctx context.Context, start traffic.Start) {
		err := v.buy(ctx, purchase{run, start.Worker, start.N})
		switch {
		case err == nil:
			accepted.Add(1)
			if start.Due.After(measured) {
				result.latency.Record(time.Since(start.Due))
			}
		case errors.Is(err, errSoldOut), errors.Is(err, errBusy):
			rejected.Add(1)
		default:
			failure.set(fmt.Errorf("buy: %w", err))
			cancel()
		}
	})
	meter.Wait()
	result.accepted, result.rejected = accepted.Load(), rejected.Load()
	if err := failure.get(); err != nil {
		return result, err
	}
	if err := verified(ctx, v, result.accepted); err != nil {
		return result, err
	}
	result.processor = processTime(pids...) - before
	return result, nil
}

// meterRows measures the order rows that come into being in each second of duration, after the warm-up.
func meterRows(ctx context.Context, v variant, warmUp, duration time.Duration) (ordersPerSecond float64, err error) {
	if err := pause(ctx, warmUp); err != nil {
		return 0, err
	}
	begin := time.Now()
	before, err := v.rows(ctx)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	if err := pause(ctx, duration); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	after, err := v.rows(ctx)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	return float64(after-before) / took.Seconds(), nil
}
