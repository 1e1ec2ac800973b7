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

// raceLimit is how often inTx runs a transaction that loses races against others.
const raceLimit = 20

// Options configures Orders. Every field is required.
type Options struct {
	Now      func() time.Time
	Log      *slog.Logger
	MaxBatch int // payments in one transaction, and orders in one message

	// OnFinal is told of orders that this process has made final, after the commit; it must not block. It may be nil, and may
	// be told of an order more than once.
	OnFinal func(orderIDs []string)

	// PublishLater leaves the queued order-settled to PublishQueued: a simulation says itself when they are sent.
	PublishLater bool
}

// Orders is the order service over its database. It is safe for concurrent use, also by several processes on one
// database.
type Orders struct {
	db        *db.DB
	sender    *mq.Sender
	now       func() time.Time
	log       *slog.Logger
	maxBatch  int
	onFinal   func(orderIDs []string)
	payments  *batch.Group[Payment, PaymentResult]
	publisher *publisher
}

// Unpublished counts the orders whose order-settled was dropped: the queue was full, the broker refused the message for
// good, or Close came first. Stock's sweeper asks for them again.
func (o *Orders) Unpublished() int64 { return o.publisher.lost.Load() }

// PublishQueued sends the order-settled that are queued, in place of the background work that Options.PublishLater has switched
// off, and returns how many orders were sent.
func (o *Orders) PublishQueued(ctx context.Context) (int, error) {
	return o.publisher.publishQueued(ctx)
}

// inTx runs fn in a transaction, and again when another transaction has changed what fn read before fn wrote it.
func (o *Orders) inTx(ctx context.Context, fn func(*db.Tx) error) error {
	err := o.db.Again(raceLimit, func() error { return o.db.InTx(ctx, fn) })
	if errors.Is(err, db.ErrOvertaken) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return o.unavailable(err)
}

// unavailable wraps an error in ErrUnavailable when it is an outage of the database, after which a retry may succeed.
func (o *Orders) unavailable(err error) error {
	if o.db.IsUnavailable(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
