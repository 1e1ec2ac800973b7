package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	burstOrders   = 100_000
	burstQuick    = 10_000
	burstWindow   = 10 * time.Minute // delay level 14
	burstLeap     = 11 * time.Minute
	burstTimeout  = 5 * time.Minute
	burstBaseline = 10 // the baseline gets a tenth of the orders: its rate is what counts, and a burst is worse for it
	burstSenders  = 256

	// benchDue carries the baseline's delay messages.
	benchDue mq.Topic[event.Due] = "bench-due"
)

// leapClock is real time plus what a slot adds, so that all orders come due at one moment.
type leapClock struct{ offset atomic.Int64 }

func (c *leapClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (b *bench) burst() int {
	if b.quick {
		return burstQuick
	}
	return burstOrders
}

// expireOurs makes unpaid orders due at one moment and measures until their tickets are back. It needs the clock of the
// embedded broker.
func (b *bench) expireOurs(ctx context.Context) (f figures, err error) {
	n, clock := b.burst(), &leapClock{}
	err = b.onRig(ctx, embeddedHome(b.log), func(r *rig) error {
		office, err := openOffice(ctx, r, officeOptions{now: clock.Now, payWindow: burstWindow})
		if err != nil {
			return err
		}
		if err := office.await(ctx, n, clock.Now().Add(burstWindow)); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, burstTimeout)
		defer cancel()
		clock.offset.Add(int64(burstLeap))
		begin, due := time.Now(), clock.Now().UnixMilli()
		r.broker.Advance(burstLeap)
		if err := eventually(ctx, func() error { return office.allBack(ctx) }); err != nil {
			return err
		}
		took := time.Since(begin)
		late, err := office.lateness(ctx, n, due)
		if err != nil {
			return err
		}
		f = figures{
			"expiry ours.orders/s": float64(n) / took.Seconds(), "expiry ours.p99 late s": late.Seconds(), "expiry ours.last late s": took.Seconds(),
		}
		return officeBooks(ctx, office.stockDB, office.orderDB, office.screeningID, int64(n))
	})
	return f, err
}

// await makes n orders that wait for payment, through the handler of stock-reserved: it sends their delay messages.
func (f *office) await(ctx context.Context, n int, expiresAt time.Time) error {
	if err := f.fill(ctx, n, expiresAt, false); err != nil {
		return err
	}
	for list := range slices.Chunk(filled(0, n, n, f.screeningID, expiresAt), maxBatch) {
		if err := f.orders.Create(ctx, event.Reserved{Orders: list}); err != nil {
			return err
		}
	}
	return nil
}

func (f *office) allBack(ctx context.Context) error {
	var reserved int64
	if err := f.stockDB.Reader().GetContext(ctx, &reserved, `SELECT reserved FROM stock WHERE screening_id = ?`, f.screeningID); err != nil {
		return fmt.Errorf("read stock: %w", err)
	}
	if reserved > 0 {
		return fmt.Errorf("%d tickets are still reserved", reserved)
	}
	return nil
}

// lateness is the time from due until 99 percent of the orders were cancelled.
func (f *office) lateness(ctx context.Context, n int, due int64) (time.Duration, error) {
	var at int64
	if err := f.orderDB.Reader().GetContext(ctx, &at, `SELECT settled_at FROM orders WHERE state = 'CANCELLED' ORDER BY settled_at LIMIT 1 OFFSET ?`, n*99/100-1); err != nil {
		return 0, fmt.Errorf("read cancelled orders: %w", err)
	}
	return time.Duration(at-due) * time.Millisecond, nil
}

// expireEach sends one delay message for each order, and each cancels its order in a transaction of its own.
func (b *bench) expireEach(ctx context.Context) (f figures, err error) {
	n := b.burst() / burstBaseline
	err = b.onRig(ctx, embeddedHome(b.log), func(r *rig) error {
		l, err := openLedger(ctx, r, b.pools["plain"])
		if err != nil {
			return err
		}
		expiresAt := time.Now().Add(burstWindow)
		if err := l.fill(ctx, n, expiresAt); err != nil {
			return err
		}
		cancelled, err := l.canceller(ctx, r)
		if err != nil {
			return err
		}
		if err := sendEach(ctx, r, filled(0, n, n, screening, expiresAt), mq.LevelFor(burstWindow)); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, burstTimeout)
		defer cancel()
		begin := time.Now()
		r.broker.Advance(burstLeap)
		if err := eventually(ctx, func() error {
			if done := cancelled.Load(); done < int64(n) {
				return fmt.Errorf("%d of %d orders are cancelled", done, n)
			}
			return nil
		}); err != nil {
			return err
		}
		f = figures{"expiry each.orders/s": float64(n) / time.Since(begin).Seconds()}
		return l.nothingSold(ctx)
	})
	return f, err
}

// canceller consumes the delay messages.
func (l *ledger) canceller(ctx context.Context, r *rig) (*atomic.Int64, error) {
	var done atomic.Int64
	settle, err := l.statement(ctx, r, `UPDATE orders SET state = 'CANCELLED' WHERE id = ? AND state = 'PENDING_PAYMENT'`)
	if err != nil {
		return nil, err
	}
	giveBack, err := l.statement(ctx, r, `UPDATE stock SET available = available + 1 WHERE screening_id = ?`)
	if err != nil {
		return nil, err
	}
	consumer, err := r.bus.Consume(ctx, mq.ConsumeOptions{Group: benchGroup, Concurrency: consumerWorkers, Timeout: handlerTimeout},
		mq.Handle(benchDue, func(ctx context.Context, due event.Due) error {
			err := l.inTx(ctx, func(tx *sql.Tx) error {
				err := exactlyOne(in(ctx, tx, settle, due.OrderIDs[0]))
				if err != nil {
					return err
				}
				return exactlyOne(in(ctx, tx, giveBack, screening))
			})
			if err == nil {
				done.Add(1)
			}
			return err
		}))
	if err != nil {
		return nil, err
	}
	r.onClose(func() error { return consumer.Close(ctx) })
	return &done, nil
}

func (l *ledger) nothingSold(ctx context.Context) error {
	var gone, pending int64
	if err := l.pool.QueryRowContext(ctx, `SELECT capacity - available, (SELECT COUNT(*) FROM orders WHERE state <> 'CANCELLED') FROM stock`).Scan(&gone, &pending); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if gone != 0 || pending != 0 {
		return fmt.Errorf("the ledger is wrong: %d tickets gone, %d orders not cancelled", gone, pending)
	}
	return nil
}

// sendEach sends one delay message for each order.
func sendEach(ctx context.Context, r *rig, orders []event.Order, level mq.DelayLevel) error {
	sender, err := r.bus.NewSender(ctx, benchGroup)
	if err != nil {
		return err
	}
	defer sender.Close()
	work := make(chan event.Order, len(orders))
	for _, o := range orders {
		work <- o
	}
	close(work)
	failures := make(chan error, 1)
	var senders sync.WaitGroup
	for range burstSenders {
		senders.Go(func() {
			for o := range work {
				due := event.Due{DueAt: o.ExpiresAt, OrderIDs: []string{o.ID}}
				fail(failures, mq.SendDelayed(ctx, sender, benchDue, o.ID, due, level))
			}
		})
	}
	senders.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}
