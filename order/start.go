package order

import (
	"context"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/mq"
)

const (
	payWorkers = 2 // a full batch of payments may be written beside the one that commits
	payQueue   = 1024
	payWait    = 10 * time.Second // of a payment for its batch
	payTimeout = 10 * time.Second
)

// New starts the order service; Close ends it. It does not end with ctx, because payments that were accepted are still
// to be answered then.
func New(ctx context.Context, d *db.DB, sender *mq.Sender, opts Options) *Orders {
	ctx = context.WithoutCancel(ctx)
	o := &Orders{db: d, sender: sender, now: opts.Now, log: opts.Log, maxBatch: opts.MaxBatch, onFinal: opts.OnFinal}
	newPublisher := startPublisher
	if opts.PublishLater {
		newPublisher = idlePublisher
	}
	o.publisher = newPublisher(ctx, opts.Log, opts.MaxBatch, o.sendSettled)
	o.payments = batch.Start(ctx, batch.Options{
		Max: opts.MaxBatch, Workers: payWorkers, Queue: max(payQueue, 2*payWorkers*opts.MaxBatch), Wait: payWait, Timeout: payTimeout,
		Log: opts.Log,
	}, o.payBatch)
	return o
}

// Close refuses further payments, answers those that were accepted, and publishes the orders that they settled, within
// the publisher's drainTimeout. It is idempotent.
func (o *Orders) Close() {
	o.payments.Close()  // 1. the batches in flight still settle orders
	o.publisher.close() // 2. so the publisher closes after them
}
