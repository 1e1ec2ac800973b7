package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/scripts/load/traffic"
)

const (
	payFillPerSecond = 60_000 // orders prepared for each second of a slot
	payFillMax       = 400_000
)

// settles runs pay for one order after the other with as many payers as there are buyers, until the slot ends or all
// are paid, and returns payments per second.
func (b *bench) settles(ctx context.Context, orders []event.Order, pay func(context.Context, event.Order) error) (paid int64, perSecond float64, err error) {
	var n atomic.Int64
	failures := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plan := traffic.Plan{Workers: buyersDefault, For: b.slot}
	report := plan.Run(ctx, func(ctx context.Context, s traffic.Start) {
		if s.N >= int64(len(orders)) {
			cancel()
			return
		}
		if err := pay(context.WithoutCancel(ctx), orders[s.N]); err != nil {
			fail(failures, err)
			cancel()
			return
		}
		n.Add(1)
	})
	select {
	case err = <-failures:
	default:
	}
	return n.Load(), float64(n.Load()) / report.Took.Seconds(), err
}

func (b *bench) payFill() int { return min(payFillMax, int(payFillPerSecond*b.slot.Seconds())) }

// payOurs delivers payments as the callback's handler does, to orders that wait for them. The sold tickets' way back to
// stock by message is in the measured time.
func (b *bench) payOurs(ctx context.Context) (f figures, err error) {
	n := b.payFill()
	err = b.onRig(ctx, b.home, func(r *rig) error {
		office, err := openOffice(ctx, r, officeOptions{})
		if err != nil {
			return err
		}
		expiresAt := time.Now().Add(farWindow)
		if err := office.fill(ctx, n, expiresAt, true); err != nil {
			return err
		}
		paid, perSecond, err := b.settles(ctx, filled(0, n, n, office.screeningID, expiresAt), func(ctx context.Context, o event.Order) error {
			result, err := office.orders.Pay(ctx, order.Payment{ID: "pay-" + o.ID, OrderID: o.ID, Amount: o.Amount, WebhookID: "msg-" + o.ID})
			if err == nil && result != order.Applied {
				err = fmt.Errorf("payment of %s was %s", o.ID, result)
			}
			return err
		})
		if err != nil {
			return err
		}
		f = figures{"pay ours.callbacks/s": perSecond}
		restCtx, cancel := context.WithTimeout(ctx, restTimeout)
		defer cancel()
		return eventually(restCtx, func() error { return office.paidBooks(restCtx, paid) })
	})
	return f, err
}

// paidBooks holds the payments against both services' rows. Orders whose message could not be published at once are the
// sweeper's, which does not run here.
func (f *office) paidBooks(ctx context.Context, paid int64) error {
	var orders, payments, sold int64
	err := f.orderDB.Reader().QueryRowxContext(ctx, `SELECT (SELECT COUNT(*) FROM orders WHERE state = 'PAID'),
		(SELECT COUNT(*) FROM payments WHERE result = 'applied')`).Scan(&orders, &payments)
	err = errors.Join(err, f.stockDB.Reader().GetContext(ctx, &sold, `SELECT sold FROM stock WHERE screening_id = ?`, f.screeningID))
	if err != nil {
		return fmt.Errorf("read books: %w", err)
	}
	if orders != paid || payments != paid || sold+f.orders.Unpublished() != paid {
		return fmt.Errorf("the books are wrong: %d payments taken, %d recorded, %d orders paid, %d tickets sold", paid, payments, orders, sold)
	}
	return nil
}

// payEach commits each payment on its own, with prepared statements and the best pool: no message, no stock.
func (b *bench) payEach(ctx context.Context) (f figures, err error) {
	n := b.payFill() / 4 // it is slower
	err = b.onRig(ctx, b.home, func(r *rig) error {
		l, err := openLedger(ctx, r, b.pools["plain"])
		if err != nil {
			return err
		}
		expiresAt := time.Now().Add(farWindow)
		if err := l.fill(ctx, n, expiresAt); err != nil {
			return err
		}
		pay, err := l.payer(ctx, r)
		if err != nil {
			return err
		}
		paid, perSecond, err := b.settles(ctx, filled(0, n, n, screening, expiresAt), pay)
		if err != nil {
			return err
		}
		var orders, payments int64
		if err := l.pool.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM orders WHERE state = 'PAID'), (SELECT COUNT(*) FROM payments)`).Scan(&orders, &payments); err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		if orders != paid || payments != paid {
			return fmt.Errorf("the ledger is wrong: %d payments taken, %d recorded, %d orders paid", paid, payments, orders)
		}
		f = figures{"pay each.callbacks/s": perSecond}
		return nil
	})
	return f, err
}

func (l *ledger) payer(ctx context.Context, r *rig) (func(context.Context, event.Order) error, error) {
	record, err := l.statement(ctx, r, `INSERT INTO payments (id, order_id, amount, received_at) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return nil, err
	}
	settle, err := l.statement(ctx, r, `UPDATE orders SET state = 'PAID' WHERE id = ? AND state = 'PENDING_PAYMENT'`)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, o event.Order) error {
		return l.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := in(ctx, tx, record, "pay-"+o.ID, o.ID, o.Amount.Amount, strconv.FormatInt(o.CreatedAt, 10)); err != nil {
				return fmt.Errorf("record payment: %w", err)
			}
			return exactlyOne(in(ctx, tx, settle, o.ID))
		})
	}, nil
}

// exactlyOne refuses a guarded update that matched nothing.
func exactlyOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d rows matched", n))
	}
	return nil
}
