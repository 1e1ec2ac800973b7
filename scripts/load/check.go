package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const pollEvery = 50 * time.Millisecond

// errViolated says that the shop broke a promise. It is joined with what it broke.
var errViolated = errors.New("an invariant is violated")

// check is what the shop is held to once everything has come to rest.
type check struct {
	office *shop
	tokens []string
	paid   map[string]bool
	sample int
}

// verdict is the end of the check.
type verdict struct {
	Capacity  int64 `json:"capacity"`
	Available int64 `json:"available"`
	Expired   int64 `json:"expired"` // orders that were not paid in their window, so that their tickets came back
	Read      int64 `json:"orders_read"`
}

// run holds the figures against each other and reads orders back, until they agree or ctx ends. Orders that nobody pays
// expire meanwhile, and their tickets come back a little later: figures that were read one after the other may differ
// then, and are read again. What is wrong stays so.
func (c check) run(ctx context.Context, screeningID string, orders []bought, unclear int) (verdict, error) {
	if err := distinct(orders); err != nil {
		return verdict{}, err
	}
	for step := max(1, len(orders)/c.sample); ; step = 1 {
		v, err := c.judge(ctx, screeningID, orders, unclear, step)
		if err == nil || !pause(ctx, pollEvery) {
			return v, err
		}
	}
}

// judge reads every step-th order, all of them when one has expired, because only then their number is known; and then
// the screening.
func (c check) judge(ctx context.Context, screeningID string, orders []bought, unclear, step int) (verdict, error) {
	expired, read, err := c.readBack(ctx, orders, step)
	if err == nil && expired > 0 && step > 1 {
		expired, read, err = c.readBack(ctx, orders, 1)
	}
	v := verdict{Expired: expired, Read: read}
	if err != nil {
		return v, fmt.Errorf("%w: %w", errViolated, err)
	}
	s, err := c.office.screening(ctx, screeningID)
	if err != nil {
		return v, err
	}
	v.Capacity, v.Available = s.Capacity, s.Available
	sold := int64(len(orders)) - expired
	if gone := s.Capacity - s.Available; gone < sold || gone > sold+int64(unclear) || s.Available < 0 {
		return v, fmt.Errorf("%w: %d tickets are gone, but buyers hold %d (and %d are unclear)", errViolated, gone, sold, unclear)
	}
	return v, nil
}

func distinct(orders []bought) error {
	seen := make(map[string]string, len(orders))
	for _, o := range orders {
		if other, twice := seen[o.order]; twice && other != o.key {
			return fmt.Errorf("%w: order %s was given to two purchases", errViolated, o.order)
		}
		seen[o.order] = o.key
	}
	return nil
}

// readBack reads every step-th order as its buyer until it is where it has to be.
func (c check) readBack(ctx context.Context, orders []bought, step int) (expired, read int64, err error) {
	var mu sync.Mutex
	var failed error
	var readers sync.WaitGroup
	for reader := range setupConns {
		readers.Go(func() {
			for i := reader * step; i < len(orders); i += setupConns * step {
				gone, err := c.await(ctx, orders[i])
				mu.Lock()
				if read++; gone {
					expired++
				}
				failed = errors.Join(failed, err)
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	readers.Wait()
	return expired, read, failed
}

// await polls one order. It is paid if we paid it, and otherwise waits for payment, or is cancelled after its deadline.
func (c check) await(ctx context.Context, b bought) (expired bool, err error) {
	want := "pending_payment"
	taken, offered := c.paid[b.order]
	if taken {
		want = "paid"
	}
	for {
		o, err := c.office.order(ctx, c.tokens[b.buyer], b.order)
		switch {
		case err == nil && (o.Status == want || (o.Status == "paid" && offered)):
			return false, nil
		case err == nil && want != "paid" && o.Status == "cancelled" && o.ServerTime.After(o.ExpiresAt):
			return true, nil
		case err == nil:
			err = fmt.Errorf("order %s is %s, not %s", b.order, o.Status, want)
		}
		if !pause(ctx, pollEvery) {
			return false, err
		}
	}
}

// pause is false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
