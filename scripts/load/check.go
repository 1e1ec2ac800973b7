package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"boxoffice/scripts/wait"
)

// errViolated says that the shop broke a promise. It is joined with what it broke.
var errViolated = errors.New("an invariant is violated")

// errUnchecked says that the shop could not be asked whether it kept its promises. It may well have.
var errUnchecked = errors.New("the sale could not be checked")

// errOversold is the broken promise that no later reading can put right.
var errOversold = errors.New("more tickets are gone than were sold")

// errMoving says that orders went on expiring until time was up, each with a ticket that comes back a little later.
var errMoving = errors.New("orders were still expiring; give -settle several times the payment window")

// errLate is why an order was not read that nobody got round to.
var errLate = errors.New("time was up")

// check is what the shop is held to once everything has come to rest.
type check struct {
	office *shop
	tokens []string
	paid   map[string]bool
	sample int
	rest   time.Duration // since an order expired, after which its ticket has to be back
}

// verdict is the end of the check.
type verdict struct {
	Capacity  int64 `json:"capacity"`
	Available int64 `json:"available"`
	Expired   int64 `json:"expired"` // orders that were not paid in their window, so that their tickets came back
	Read      int64 `json:"orders_read"`
	Unread    int64 `json:"orders_not_read"` // of those that should have been
}

// run holds the figures against each other and reads orders back, until they agree or ctx ends. Orders that nobody pays
// expire meanwhile, and their tickets come back a little later: figures that were read one after the other may differ
// then, and are read again. What is wrong stays so, once no order has expired for a while; before that figures that
// differ show nothing, unless more tickets are gone than were sold. The error is errViolated or errUnchecked.
func (c check) run(ctx context.Context, screeningID string, orders []bought, unclear int) (verdict, error) {
	if err := distinct(orders); err != nil {
		return verdict{}, err
	}
	var seen verdict
	var wrong error // by the last reading that was complete
	for step := max(1, len(orders)/c.sample); ; step = 1 {
		v, err := c.judge(ctx, screeningID, orders, unclear, step)
		if errors.Is(err, errViolated) || errors.Is(err, errMoving) {
			seen, wrong = v, err
		}
		if err != nil && !errors.Is(err, errOversold) && wait.For(ctx, pollEvery) {
			continue
		}
		if errors.Is(err, errLate) && wrong != nil { // the shop answered to the end, and never otherwise
			return seen, wrong
		}
		return v, err
	}
}

// judge reads every step-th order, all of them when one has expired, because only then their number is known; and then
// the screening, to which those orders are held that could be read.
func (c check) judge(ctx context.Context, screeningID string, orders []bought, unclear, step int) (verdict, error) {
	r := c.readBack(ctx, orders, step)
	if r.wrong == nil && r.unread == 0 && r.expired > 0 && step > 1 {
		r = c.readBack(ctx, orders, 1)
	}
	v := verdict{Expired: r.expired, Read: r.read, Unread: r.unread}
	if r.wrong != nil {
		return v, r.wrong
	}
	s, err := c.office.screening(context.WithoutCancel(ctx), screeningID)
	switch {
	case isGone(err):
		return v, fmt.Errorf("%w: %w", errViolated, err)
	case err != nil && r.unread == 0:
		return v, fmt.Errorf("%w: the screening was not read: %w", errUnchecked, err)
	case err != nil:
		r.miss(err)
	default:
		v.Capacity, v.Available = s.Capacity, s.Available
		err := r.compare(s, int64(len(orders)), int64(unclear))
		if err != nil && !errors.Is(err, errOversold) && (step > 1 || r.moves(time.Now(), c.rest)) {
			return v, fmt.Errorf("%w: %w: %w", errUnchecked, errMoving, err)
		}
		if err != nil {
			return v, fmt.Errorf("%w: %w", errViolated, err)
		}
	}
	if r.unread > 0 {
		return v, fmt.Errorf("%w: %d of %d orders were not read: %w", errUnchecked, r.unread, r.read+r.unread, r.missed)
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

// reading is what was found of the orders that were to be read.
type reading struct {
	expired, read, unread int64
	ends                  []time.Time // by this machine's clock: when the unpaid orders expire, or have expired
	wrong                 error       // a broken promise
	missed                error       // why an order was not read; errLate only if it is so for all of them
}

// note adds one order, which expires at the end, if at all.
func (r *reading) note(expired bool, end time.Time, err error) {
	if !end.IsZero() {
		r.ends = append(r.ends, end)
	}
	switch {
	case errors.Is(err, errViolated):
		r.read++
		r.wrong = err
	case err != nil:
		r.unread++
		r.miss(err)
	default:
		if r.read++; expired {
			r.expired++
		}
	}
}

// miss keeps why something was not read. Any other reason says more than that time was up.
func (r *reading) miss(err error) {
	if r.missed == nil || errors.Is(r.missed, errLate) {
		r.missed = err
	}
}

// moves tells whether an order has expired of late, so that its ticket may not be back yet.
func (r *reading) moves(now time.Time, rest time.Duration) bool {
	return slices.ContainsFunc(r.ends, func(end time.Time) bool { return !end.After(now) && now.Sub(end) < rest })
}

// compare holds the tickets of a screening against the orders, which are so many in all.
func (r *reading) compare(s screening, orders, unclear int64) error {
	gone, sold := s.Capacity-s.Available, orders-r.expired
	least := sold
	if r.unread > 0 { // they may have expired
		least = r.read - r.expired
	}
	switch {
	case s.Available < 0 || gone > orders+unclear:
		return fmt.Errorf("%w: %d of %d, for %d orders (and %d unclear ones)", errOversold, gone, s.Capacity, orders, unclear)
	case gone < least || gone > sold+unclear:
		return fmt.Errorf("%d tickets are gone, but buyers hold %d (and %d are unclear)", gone, sold, unclear)
	}
	return nil
}

// readBack reads every step-th order as its buyer until it is where it has to be, and stops at one that never is.
func (c check) readBack(ctx context.Context, orders []bought, step int) (r reading) {
	var mu sync.Mutex
	var readers sync.WaitGroup
	for reader := range setupConns {
		readers.Go(func() {
			for i := reader * step; i < len(orders); i += setupConns * step {
				expired, end, err := c.await(ctx, orders[i])
				mu.Lock()
				r.note(expired, end, err)
				stop := r.wrong != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	readers.Wait()
	return r
}

// await polls one order. It is paid if we paid it, and otherwise waits for payment, or is cancelled after its deadline. No
// reading is cut short by the end of ctx: the last one begins before it and has the last word. The end is that of an
// order which is not paid, by this machine's clock.
func (c check) await(ctx context.Context, b bought) (expired bool, end time.Time, err error) {
	if ctx.Err() != nil {
		return false, end, errLate
	}
	want := "pending_payment"
	taken, offered := c.paid[b.order]
	if taken {
		want = "paid"
	}
	for {
		o, err := c.office.order(context.WithoutCancel(ctx), c.tokens[b.buyer], b.order)
		if err == nil && o.Status != "paid" {
			end = time.Now().Add(o.ExpiresAt.Sub(o.ServerTime))
		}
		switch {
		case err == nil && (o.Status == want || (o.Status == "paid" && offered)):
			return false, end, nil
		case err == nil && want != "paid" && o.Status == "cancelled" && o.ServerTime.After(o.ExpiresAt):
			return true, end, nil
		case err == nil:
			err = fmt.Errorf("%w: order %s is %s, not %s", errViolated, b.order, o.Status, want)
		case isGone(err):
			err = fmt.Errorf("%w: %w", errViolated, err)
		}
		if !wait.For(ctx, pollEvery) {
			return false, end, err
		}
	}
}

// isGone tells whether the shop says that it does not have what it gave somebody. Any other error is no answer.
func isGone(err error) bool {
	refused, ok := errors.AsType[*statusError](err)
	return ok && refused.status == http.StatusNotFound
}
