package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/mq"
)

const (
	payWorkers = 2 // a full list may go out beside the one that commits
	payQueue   = 1024
	payTimeout = 10 * time.Second
	raceLimit  = 20
)

// errRaced says that another transaction changed a row between this one's read and its guarded write.
var errRaced = errors.New("another transaction was faster")

// Options are the choices of Orders. Every field is required.
type Options struct {
	Now      func() time.Time
	Log      *slog.Logger
	MaxBatch int // payments in one transaction, and orders in one message
}

// Orders is the order service over its database. It is safe for concurrent use, also by several processes on one
// database.
type Orders struct {
	db       *db.DB
	sender   *mq.Sender
	now      func() time.Time
	log      *slog.Logger
	maxBatch int
	payments *batch.Group[Payment, PaymentResult]
	settled  *publisher
}

// New starts the order service; Close ends it. It does not end with ctx, because payments that were taken are still
// to be answered then.
func New(ctx context.Context, d *db.DB, sender *mq.Sender, opts Options) *Orders {
	ctx = context.WithoutCancel(ctx)
	o := &Orders{db: d, sender: sender, now: opts.Now, log: opts.Log, maxBatch: opts.MaxBatch}
	o.settled = startPublisher(ctx, opts, o.sendSettled)
	o.payments = batch.Start(ctx, batch.Options{
		Max: opts.MaxBatch, Workers: payWorkers, Queue: max(payQueue, 2*payWorkers*opts.MaxBatch), Timeout: payTimeout,
	}, o.payList)
	return o
}

// Close takes no more payments, answers those that were taken, and publishes what they settled, within a bound. It is
// idempotent.
func (o *Orders) Close() {
	o.payments.Close() // 1. the lists in flight still settle orders
	o.settled.close()  // 2. so that the publisher goes last
}

// Unpublished counts the orders whose order-settled was given up: the queue was full, the broker refused it for good, or
// Close came first. Stock's sweeper asks for those again.
func (o *Orders) Unpublished() int64 { return o.settled.lost.Load() }

// inTx runs fn in a transaction, and again when another writer got in between what fn read and what it wrote. Every
// such race means that the other one got on, and orders only move forward, so the next read decides.
func (o *Orders) inTx(ctx context.Context, fn func(*db.Tx) error) error {
	for try := 1; ; try++ {
		err := o.db.InTx(ctx, fn)
		switch raced := errors.Is(err, errRaced) || o.db.IsDuplicate(err); {
		case !raced:
			return o.unavailable(err)
		case try == raceLimit:
			return fmt.Errorf("%w: lost %d races: %w", ErrUnavailable, raceLimit, err)
		}
	}
}

// unavailable marks an error that passes when the database is well again.
func (o *Orders) unavailable(err error) error {
	if o.db.IsUnavailable(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
