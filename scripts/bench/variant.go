package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// variant is one way to sell the tickets of a screening, which is measured against the other ways.
type variant interface {
	// buy makes one purchase. It returns nil when the buyer has the ticket as surely as this variant ever says so.
	buy(ctx context.Context, p purchase) error
	// rows counts the orders whose row exists.
	rows(ctx context.Context) (int64, error)
	// verify waits until nothing is under way, and fails unless there is exactly what the accepted purchases must have left.
	verify(ctx context.Context, accepted int64) error
}

// verifyTimeout is how long everything that a measurement has left under way may take to end.
const verifyTimeout = 60 * time.Second

// verified has a variant account for every ticket, and waits for it no longer than verifyTimeout.
func verified(ctx context.Context, v variant, accepted int64) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	if err := v.verify(ctx, accepted); err != nil {
		return fmt.Errorf("after %d accepted: %w", accepted, err)
	}
	return nil
}

// remote is a variant whose server is another process.
type remote interface{ pid() int }

// What a variant may answer to a buyer besides yes. Any other error voids the measurement.
var (
	errSoldOut = errors.New("sold out")
	errBusy    = errors.New("busy: nothing was done")
)

const (
	buyersDefault = 256 // who buy at once
	buyersCrowd   = 4096

	lastTicket = "the-last-ticket" // the purchase after which a screening is sold out
)

// purchase is one request of a buyer. Every purchase is another buyer's, as in a rush, so that their rows are spread over
// the tables and no variant gains from knowing somebody.
type purchase struct {
	run    string // makes buyers of one measurement different from those of another
	worker int    // the connection that it comes by
	n      int64
}

func (p purchase) buyer() string { return "buyer-" + p.run + strconv.FormatInt(p.n, 10) }

func (p purchase) key() string { return p.run }

// refusals is a variant that has nothing left to sell: what is counted is its refusals.
type refusals struct {
	variant
	sold int64 // before
	n    atomic.Int64
}

func (r *refusals) buy(ctx context.Context, p purchase) error {
	err := r.variant.buy(ctx, p)
	if errors.Is(err, errSoldOut) {
		r.n.Add(1)
	}
	return err
}

func (r *refusals) pid() int {
	if other, ok := r.variant.(remote); ok {
		return other.pid()
	}
	return os.Getpid()
}

func (r *refusals) rows(context.Context) (int64, error) { return r.n.Load(), nil }

func (r *refusals) verify(ctx context.Context, accepted int64) error {
	if accepted != 0 {
		return fmt.Errorf("%d purchases were accepted with nothing left", accepted)
	}
	return r.variant.verify(ctx, r.sold)
}
