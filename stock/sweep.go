package stock

import (
	"context"
	"errors"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
)

const (
	sweepPause     = 5 * time.Second
	sweepLease     = 5 * time.Second // what a process that dies has claimed rests no longer
	sweepTimeout   = 30 * time.Second
	putOffTimeout  = 2 * time.Second
	sweepMessages  = 16 // in one pass
	sweepDelayMax  = 10 // grace periods until a reservation is asked for again
	fenceRetention = 7 * 24 * time.Hour
	fencesPerPass  = 1000
)

// Sweeper makes up for every lost message: a reservation that should have been settled is published again, and the order service
// answers by where the order stands. Any number of processes may sweep; they share the work.
type Sweeper struct {
	stock  *Stock
	sender *mq.Sender
}

// NewSweeper returns a sweeper of s that publishes through sender.
func NewSweeper(s *Stock, sender *mq.Sender) *Sweeper { return &Sweeper{stock: s, sender: sender} }

// Run sweeps until ctx ends.
func (w *Sweeper) Run(ctx context.Context) {
	ticker := time.NewTicker(min(sweepPause, w.stock.sweepGrace))
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		n, err := w.Sweep(ctx)
		if n > 0 {
			w.stock.log.Info("published reservations again that were not settled in time", "orders", n)
		}
		if err != nil && !failing && ctx.Err() == nil && !errors.Is(err, ErrUnavailable) { // of an outage there is a line already
			w.stock.log.Error("sweep", "error", err)
		}
		failing = err != nil
	}
}

// Sweep makes one pass, which is bounded, and returns the number of reservations that it published. It also deletes
// fences so old that no half message can ask for them any more.
func (w *Sweeper) Sweep(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	for range sweepMessages {
		due, err := w.stock.claimDue(ctx, publishOrders)
		if errors.Is(err, db.ErrConflict) {
			continue // there are others
		}
		if err != nil {
			return n, err
		}
		if len(due.orders) == 0 {
			break
		}
		failpoint.Hit("sweep.claimed")
		if err := mq.Send(ctx, w.sender, event.StockReserved, due.orders[0].ID, due.message()); err != nil {
			err = Unavailable("publish reservations", err)
			return n, errors.Join(err, w.stock.putOff(context.WithoutCancel(ctx), due, w.stock.now()))
		}
		failpoint.Hit("sweep.published")
		n += len(due.orders)
		if err := w.stock.putOff(ctx, due, due.next); err != nil {
			return n, err // they are published once more, which changes nothing
		}
	}
	return n, w.stock.deleteOldFences(ctx)
}

// dueOrders are reservations that nobody else publishes while their lease lasts.
type dueOrders struct {
	orders []event.Order
	lease  int64     // Unix milliseconds
	next   time.Time // their next sweep, once they are published
}

// message publishes the reservations as they stood when they were claimed: all of them are held.
func (d dueOrders) message() event.Reserved {
	var reserved event.Reserved
	for _, o := range d.orders {
		asItStands(&reserved, Reservation{Order: o, State: Held})
	}
	return reserved
}

func (d dueOrders) ids() []any {
	ids := make([]any, len(d.orders))
	for i, o := range d.orders {
		ids[i] = o.ID
	}
	return ids
}

// claimDue leases the reservations that it returns, so that another process takes others. It fails with db.ErrConflict
// when one of them was claimed or settled meanwhile.
func (s *Stock) claimDue(ctx context.Context, limit int) (dueOrders, error) {
	now := s.now()
	var rows []reservationRow
	if err := s.db.Reader().SelectContext(ctx, &rows, `SELECT `+reservationColumns+` FROM reservations
		WHERE sweep_at <= ? ORDER BY sweep_at LIMIT ?`, now.UnixMilli(), limit); err != nil {
		return dueOrders{}, s.failed("read due reservations", err)
	}
	if len(rows) == 0 {
		return dueOrders{}, nil
	}
	due := dueOrders{orders: make([]event.Order, 0, len(rows))}
	youngest := rows[0].ExpiresAt
	for _, row := range rows {
		due.orders = append(due.orders, row.reservation().Order)
		youngest = max(youngest, row.ExpiresAt)
	}
	due.lease = now.Add(sweepLease).UnixMilli()
	due.next = now.Add(s.sweepDelay(now.Sub(time.UnixMilli(youngest))))
	args := append([]any{due.lease, Held, now.UnixMilli()}, due.ids()...)
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.ExecGuarded(ctx, len(rows), `UPDATE reservations SET sweep_at = ?
			WHERE state = ? AND sweep_at <= ? AND order_id IN `+db.In(len(rows)), args...)
	})
	if err != nil {
		return dueOrders{}, s.failed("claim due reservations", err)
	}
	return due, nil
}

// sweepDelay doubles the age of a reservation from sweep to sweep, within bounds.
func (s *Stock) sweepDelay(overdue time.Duration) time.Duration {
	return min(max(overdue, s.sweepGrace), sweepDelayMax*s.sweepGrace)
}

// putOff sets the next sweep of leased reservations that are still held.
func (s *Stock) putOff(ctx context.Context, due dueOrders, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, putOffTimeout)
	defer cancel()
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		args := append([]any{until.UnixMilli(), Held, due.lease}, due.ids()...)
		_, err := tx.ExecContext(ctx, `UPDATE reservations SET sweep_at = ?
			WHERE state = ? AND sweep_at = ? AND order_id IN `+db.In(len(due.orders)), args...)
		return err
	})
	if err != nil {
		return s.failed("put off a sweep", err)
	}
	return nil
}

func (s *Stock) deleteOldFences(ctx context.Context) error {
	var ids []string
	if err := s.db.Reader().SelectContext(ctx, &ids, `SELECT tx_id FROM fences WHERE tx_id < ?
		ORDER BY tx_id LIMIT ?`, firstID(s.now().Add(-fenceRetention)), fencesPerPass); err != nil {
		return s.failed("read old fences", err)
	}
	if len(ids) == 0 {
		return nil
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM fences WHERE tx_id IN `+db.In(len(ids)), db.Args(ids)...)
		return err
	})
	if err != nil {
		return s.failed("delete old fences", err)
	}
	return nil
}

// SweepSoon makes every reservation that is still held due for the next sweep: the messages about them are lost.
func (s *Stock) SweepSoon(ctx context.Context) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE reservations SET sweep_at = ? WHERE state = ?`, s.now().UnixMilli(), Held)
		return err
	})
	if err != nil {
		return s.failed("make reservations due for a sweep", err)
	}
	return nil
}
