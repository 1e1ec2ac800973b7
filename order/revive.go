package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// Money that comes for an order that was cancelled as unpaid goes back at once, unless the order was sold under
// event.LateRevive. Then the payment waits as parked, stock is asked whether it can hold the order's tickets again, and by
// its answer the order is paid or the money goes back. The order's row decides: if it no longer wants the tickets when
// stock has taken them, it says so (event.Declined) and they are for sale again.

const (
	wantedMax   = 64 // orders in one message of tickets-wanted
	wantedPause = 5 * time.Second
	wantedLast  = 5 * time.Minute // the longest pause before stock is asked again

	// reviveLimit is how long money waits for stock's answer. Whoever has paid should not wait longer for tickets or money,
	// and an answer that comes later is declined.
	reviveLimit = time.Hour
)

// payRevived handles orders whose tickets stock has taken again: the money that waits pays them, the oldest first, and all
// other goes back. An order for which none waits any more stays cancelled, and its outcome is event.Declined. One that is
// missing or pending, because this database was restored from a backup, is one of tickets that are held.
func (o *Orders) payRevived(ctx context.Context, revived []event.Order) (map[string]Order, error) {
	ids := orderIDs(revived)
	return o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.lock(ctx, tx, ids); err != nil {
			return err
		}
		if err := c.create(ctx, tx, revived); err != nil {
			return err
		}
		c.heldAgain = true
		if err := c.applyParked(ctx, tx); err != nil {
			return err
		}
		for _, order := range c.orders {
			if reason := whenExpiredUnasked(order, c.now); order.State == PendingPayment && reason != "" {
				c.cancel(order, reason)
			}
		}
		return c.endLate(ctx, tx, ids, event.LateRevived)
	})
}

// endRevivals sends the money back that waits for the tickets of these orders, now and whenever more comes. An order that is
// paid by now, or was not waiting, stays as it is.
func (o *Orders) endRevivals(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.lock(ctx, tx, ids); err != nil {
			return err
		}
		waiting := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !c.orders[id].mayRevive() })
		if err := c.endLate(ctx, tx, waiting, event.LateRefund); err != nil {
			return err
		}
		if err := dropRevivals(ctx, tx, ids); err != nil {
			return err
		}
		return c.applyParked(ctx, tx)
	})
	return err
}

// WantTickets asks stock for the tickets of cancelled orders for which money waits, those whose time has come, and returns
// how many there were. It asks again with growing pauses, because each message and each answer can be lost, and sends the
// money back after reviveLimit. Any number of processes may call it; they share the work.
func (o *Orders) WantTickets(ctx context.Context) (int, error) {
	now := o.now()
	rows, err := o.dueRevivals(ctx, now.UnixMilli(), wantedMax)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	claimed, err := o.claimRevivals(ctx, rows, now)
	if err != nil {
		return 0, err
	}
	var late, wanted []string
	for _, row := range claimed {
		onTime := now.Sub(time.UnixMilli(row.NextAt)) < wantedLast // else nobody has asked of late, and stock may say yes
		if now.Sub(time.UnixMilli(row.Since)) >= reviveLimit && onTime {
			late = append(late, row.OrderID)
		} else {
			wanted = append(wanted, row.OrderID)
		}
	}
	if err := o.endRevivals(ctx, late); err != nil {
		return len(rows), fmt.Errorf("send late payments back: %w", err)
	}
	if wanted, err = o.stillWanted(ctx, wanted); err != nil || len(wanted) == 0 {
		return len(rows), err
	}
	if err := mq.Send(ctx, o.sender, event.TicketsWanted, wanted[0], event.Wanted{OrderIDs: wanted}); err != nil {
		return len(rows), fmt.Errorf("ask for tickets: %w", err)
	}
	return len(rows), nil
}

// dueRevivals reads up to limit orders for which stock is to be asked now.
func (o *Orders) dueRevivals(ctx context.Context, now int64, limit int) ([]revivalRow, error) {
	var rows []revivalRow
	if err := o.db.Reader().SelectContext(ctx, &rows, `SELECT order_id, since, tries, next_at FROM revivals
		WHERE next_at <= ? ORDER BY next_at LIMIT ?`, now, limit); err != nil {
		return nil, o.unavailable(fmt.Errorf("read revivals: %w", err))
	}
	return rows, nil
}

// claimRevivals puts off when stock is asked for these orders again, and returns those that no other process has claimed.
func (o *Orders) claimRevivals(ctx context.Context, rows []revivalRow, now time.Time) (claimed []revivalRow, err error) {
	err = o.inTx(ctx, func(tx *db.Tx) error {
		claimed = nil
		for _, row := range rows {
			pause := min(wantedPause<<min(row.Tries, 10), wantedLast)
			err := tx.ExecGuarded(ctx, 1, `UPDATE revivals SET tries = tries + 1, next_at = ? WHERE order_id = ? AND next_at = ?`,
				now.Add(pause).UnixMilli(), row.OrderID, row.NextAt)
			switch {
			case err == nil:
				claimed = append(claimed, row)
			case !errors.Is(err, db.ErrConflict):
				return fmt.Errorf("claim revivals: %w", err)
			}
		}
		return nil
	})
	return claimed, err
}

// stillWanted returns those of the orders for which money still waits, and forgets the others: the office has sent it back,
// or the order went into the archive.
func (o *Orders) stillWanted(ctx context.Context, ids []string) (wanted []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	_, err = o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.lock(ctx, tx, ids); err != nil {
			return err
		}
		if err := c.applyParked(ctx, tx); err != nil {
			return err
		}
		waits := func(id string) bool { return slices.Contains(c.late.waiting, id) }
		wanted = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !waits(id) })
		return dropRevivals(ctx, tx, slices.DeleteFunc(slices.Clone(ids), waits))
	})
	return wanted, err
}
