package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	burstOrders   = 100_000
	burstQuick    = 10_000
	burstWindow   = 10 * time.Minute // delay level 14
	burstShift    = 11 * time.Minute
	burstTimeout  = 5 * time.Minute
	burstBaseline = 10 // the baseline gets a tenth of the orders: its rate is what counts, and more at once would lower it
)

// shiftedClock is real time plus what a measurement adds, so that all orders come due at one moment.
type shiftedClock struct{ offset atomic.Int64 }

func (c *shiftedClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// burst is the number of orders that expire at once.
func (b *bench) burst() int {
	if b.quick {
		return burstQuick
	}
	return burstOrders
}

// expireOurs measures expiry: it makes unpaid orders due at one moment and waits until their tickets are available again.
// It needs the clock of the embedded broker.
func (b *bench) expireOurs(ctx context.Context) (figures, error) {
	n, clock := b.burst(), &shiftedClock{}
	return b.onFixture(ctx, embeddedHome(b.log), func(f *fixture) (figures, error) {
		office, err := openOffice(ctx, f, officeOptions{now: clock.Now, payWindow: burstWindow})
		if err != nil {
			return nil, err
		}
		if err := office.createPending(ctx, n, clock.Now().Add(burstWindow)); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, burstTimeout)
		defer cancel()
		clock.offset.Add(int64(burstShift))
		begin, due := time.Now(), clock.Now().UnixMilli()
		f.broker.Advance(burstShift)
		if err := eventually(ctx, func() error { return office.verifyReleased(ctx) }); err != nil {
			return nil, err
		}
		took := time.Since(begin)
		late, err := office.lateness(ctx, n, due)
		if err != nil {
			return nil, err
		}
		result := figures{perSecond: float64(n) / took.Seconds(), "p99 late s": late.Seconds(), "last late s": took.Seconds()}
		return result, verifyOffice(ctx, office.stockDB, office.orderDB, office.screeningID, int64(n))
	})
}

// createPending makes n orders that wait for payment, through the handler of stock-reserved: it sends their delay
// messages.
func (o *office) createPending(ctx context.Context, n int, expiresAt time.Time) error {
	if err := o.prefill(ctx, n, expiresAt, false); err != nil {
		return err
	}
	for list := range slices.Chunk(prefilled(0, n, n, o.screeningID, expiresAt), maxBatch) {
		if err := o.orders.Create(ctx, event.Reserved{Orders: list}); err != nil {
			return err
		}
	}
	return nil
}

func (o *office) verifyReleased(ctx context.Context) error {
	var reserved int64
	if err := o.stockDB.Reader().GetContext(ctx, &reserved, `SELECT reserved FROM stock WHERE screening_id = ?`, o.screeningID); err != nil {
		return fmt.Errorf("read stock: %w", err)
	}
	if reserved > 0 {
		return fmt.Errorf("%d tickets are still reserved", reserved)
	}
	return nil
}

// lateness is the time from due until 99 percent of the orders were cancelled.
func (o *office) lateness(ctx context.Context, n int, due int64) (time.Duration, error) {
	var at int64
	if err := o.orderDB.Reader().GetContext(ctx, &at, `SELECT settled_at FROM orders WHERE state = 'CANCELLED'
		ORDER BY settled_at LIMIT 1 OFFSET ?`, n*99/100-1); err != nil {
		return 0, fmt.Errorf("read cancelled orders: %w", err)
	}
	return time.Duration(at-due) * time.Millisecond, nil
}

// expireEach measures the baseline of expiry: one delay message for each order, which cancels it in a transaction of its
// own.
func (b *bench) expireEach(ctx context.Context) (figures, error) {
	n := b.burst() / burstBaseline
	return b.onFixture(ctx, embeddedHome(b.log), func(f *fixture) (figures, error) {
		d, err := newBaselineDB(ctx, f, b.pools["plain"])
		if err != nil {
			return nil, err
		}
		expiresAt := time.Now().Add(burstWindow)
		if err := d.prefill(ctx, n, expiresAt); err != nil {
			return nil, err
		}
		cancelled, err := d.canceller(ctx, f)
		if err != nil {
			return nil, err
		}
		if err := sendDelays(ctx, f, prefilled(0, n, n, screening, expiresAt), mq.LevelFor(burstWindow)); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, burstTimeout)
		defer cancel()
		begin := time.Now()
		f.broker.Advance(burstShift)
		if err := eventually(ctx, func() error {
			if done := cancelled.Load(); done < int64(n) {
				return fmt.Errorf("%d of %d orders are cancelled", done, n)
			}
			return nil
		}); err != nil {
			return nil, err
		}
		result := figures{perSecond: float64(n) / time.Since(begin).Seconds()}
		return result, d.verifyCancelled(ctx)
	})
}

// canceller consumes the delay messages, and counts the orders that it has cancelled.
func (d *baselineDB) canceller(ctx context.Context, f *fixture) (*atomic.Int64, error) {
	var done atomic.Int64
	settle, err := d.prepare(ctx, f, `UPDATE orders SET state = 'CANCELLED' WHERE id = ? AND state = 'PENDING_PAYMENT'`)
	if err != nil {
		return nil, err
	}
	giveBack, err := d.prepare(ctx, f, `UPDATE stock SET available = available + 1 WHERE screening_id = ?`)
	if err != nil {
		return nil, err
	}
	consumer, err := f.bus.Consume(ctx, mq.ConsumeOptions{Group: benchGroup, Concurrency: consumerWorkers, Timeout: handlerTimeout},
		mq.Handle(benchDue, func(ctx context.Context, due event.Due) error {
			err := d.inTx(ctx, func(tx *sql.Tx) error {
				err := exactlyOne(execIn(ctx, tx, settle, due.OrderIDs[0]))
				if err != nil {
					return err
				}
				return exactlyOne(execIn(ctx, tx, giveBack, screening))
			})
			if err == nil {
				done.Add(1)
			}
			return err
		}))
	if err != nil {
		return nil, err
	}
	f.onClose(func() error { return consumer.Close(ctx) })
	return &done, nil
}

func (d *baselineDB) verifyCancelled(ctx context.Context) error {
	var gone, pending int64
	if err := d.pool.QueryRowContext(ctx, `SELECT capacity - available, (SELECT COUNT(*) FROM orders WHERE state <> 'CANCELLED')
		FROM stock`).Scan(&gone, &pending); err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	if gone != 0 || pending != 0 {
		return fmt.Errorf("the rows are wrong: %d tickets gone, %d orders not cancelled", gone, pending)
	}
	return nil
}
