package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/scripts/load/traffic"
)

const (
	warmShare   = 5 // a fifth of the slot goes before what is measured
	restTimeout = 60 * time.Second
	hotCapacity = 50_000_000 // tickets: nobody is turned away
	ticketPrice = 4900
	currency    = "CNY"
	screening   = "hot"
)

// What a shop may say to a buyer besides yes. Any other error voids the slot.
var (
	errSoldOut = errors.New("sold out")
	errBusy    = errors.New("busy: nothing was done")
)

// shop is one way to sell tickets of one screening.
type shop interface {
	// buy makes one purchase. It returns nil when the buyer has the ticket as surely as this way of selling ever says so.
	buy(ctx context.Context, p purchase) error
	// rows is the number of orders whose row exists.
	rows(ctx context.Context) (int64, error)
	// rest waits until nothing is under way, and fails when what is there is not what accepted purchases must have left.
	rest(ctx context.Context, accepted int64) error
	close() error
}

// served is a shop whose server is another process.
type served interface{ pid() int }

// sold is what a closed loop of buyers got.
type sold struct {
	accepted, rejected int64
	perSecond          float64       // order rows that came into being in the measured time
	processor          time.Duration // of this process and the server's, from the first purchase until all is at rest
	latency            *traffic.Latency
}

// sell lets buyers buy in a closed loop and measures the second part of it. Every ticket is accounted for before it
// returns.
func sell(ctx context.Context, s shop, buyers int, slot time.Duration) (sold, error) {
	result := sold{latency: traffic.NewLatency()}
	pids := []int{os.Getpid()}
	if other, ok := s.(served); ok {
		pids = append(pids, other.pid())
	}
	before := processTime(pids...)
	var accepted, rejected atomic.Int64
	failures := make(chan error, 1)
	warm, run := slot/warmShare, rand.Text()
	measured := time.Now().Add(warm)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var meter sync.WaitGroup
	meter.Go(func() {
		rate, err := meterRows(ctx, s, warm, slot)
		result.perSecond = rate
		fail(failures, err)
	})
	// The buyers go on a little longer than the meter measures, so that it never reads an idle shop.
	plan := traffic.Plan{Workers: buyers, For: warm + slot + slot/10}
	plan.Run(ctx, func(ctx context.Context, start traffic.Start) {
		err := s.buy(ctx, purchase{run, start.Worker, start.N})
		switch {
		case err == nil:
			accepted.Add(1)
			if start.Due.After(measured) {
				result.latency.Record(time.Since(start.Due))
			}
		case errors.Is(err, errSoldOut), errors.Is(err, errBusy):
			rejected.Add(1)
		default:
			fail(failures, fmt.Errorf("buy: %w", err))
			cancel()
		}
	})
	meter.Wait()
	result.accepted, result.rejected = accepted.Load(), rejected.Load()
	select {
	case err := <-failures:
		return result, err
	default:
	}
	restCtx, cancelRest := context.WithTimeout(ctx, restTimeout)
	defer cancelRest()
	if err := s.rest(restCtx, result.accepted); err != nil {
		return result, fmt.Errorf("after %d accepted: %w", result.accepted, err)
	}
	result.processor = processTime(pids...) - before
	return result, nil
}

// meterRows counts the order rows that come into being in slot after warm.
func meterRows(ctx context.Context, s shop, warm, slot time.Duration) (perSecond float64, err error) {
	if err := pause(ctx, warm); err != nil {
		return 0, err
	}
	begin := time.Now()
	before, err := s.rows(ctx)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	if err := pause(ctx, slot); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	after, err := s.rows(ctx)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	return float64(after-before) / took.Seconds(), nil
}

// fail keeps the first error.
func fail(failures chan<- error, err error) {
	if err == nil {
		return
	}
	select {
	case failures <- err:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eventually polls until check returns nil, and returns its last error when ctx ends first.
func eventually(ctx context.Context, check func() error) error {
	for {
		err := check()
		if err == nil {
			return nil
		}
		if pause(ctx, 5*time.Millisecond) != nil {
			return err
		}
	}
}

// purchase is one of a run. Every purchase is another buyer's, as in a rush, so that their rows are strewn over the
// tables and no shop gains from knowing somebody.
type purchase struct {
	run    string
	worker int // the connection that it comes by
	n      int64
}

func (p purchase) buyer() string { return "buyer-" + p.run + strconv.FormatInt(p.n, 10) }

func (p purchase) key() string { return p.run }
