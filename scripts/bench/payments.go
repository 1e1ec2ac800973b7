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
	payableOrdersPerSecond = 60_000 // prepared for each second that is measured
	payableOrdersMax       = 400_000
)

func (b *bench) payableOrders() int {
	return min(payableOrdersMax, int(payableOrdersPerSecond*b.duration.Seconds()))
}

// payOurs measures payments, delivered as the handler of the callback does it, to orders that wait for them. The messages
// by which stock learns of the sold tickets are in the measured time.
func (b *bench) payOurs(ctx context.Context) (result figures, err error) {
	n := b.payableOrders()
	err = b.onFixture(ctx, b.home, func(f *fixture) error {
		office, err := openOffice(ctx, f, officeOptions{})
		if err != nil {
			return err
		}
		expiresAt := time.Now().Add(longWindow)
		if err := office.prefill(ctx, n, expiresAt, true); err != nil {
			return err
		}
		paid, rate, err := b.payInLoop(ctx, prefilled(0, n, n, office.screeningID, expiresAt), office.pay)
		if err != nil {
			return err
		}
		result = figures{"callbacks/s": rate}
		verifyCtx, cancel := context.WithTimeout(ctx, verifyTimeout)
		defer cancel()
		return eventually(verifyCtx, func() error { return office.verifyPaid(verifyCtx, paid) })
	})
	return result, err
}

func (o *office) pay(ctx context.Context, paid event.Order) error {
	result, err := o.orders.Pay(ctx, order.Payment{ID: "pay-" + paid.ID, OrderID: paid.ID, Amount: paid.Amount, WebhookID: "msg-" + paid.ID})
	if err == nil && result != order.Applied {
		err = fmt.Errorf("payment of %s was %s", paid.ID, result)
	}
	return err
}

// verifyPaid compares the payments with the rows of both services. Orders whose message could not be published at once
// are left to the sweeper, which does not run here.
func (o *office) verifyPaid(ctx context.Context, paid int64) error {
	var orders, payments, sold int64
	err := o.orderDB.Reader().QueryRowxContext(ctx, `SELECT (SELECT COUNT(*) FROM orders WHERE state = 'PAID'),
		(SELECT COUNT(*) FROM payments WHERE result = 'applied')`).Scan(&orders, &payments)
	err = errors.Join(err, o.stockDB.Reader().GetContext(ctx, &sold, `SELECT sold FROM stock WHERE screening_id = ?`, o.screeningID))
	if err != nil {
		return fmt.Errorf("read paid orders: %w", err)
	}
	if orders != paid || payments != paid || sold+o.orders.Unpublished() != paid {
		return fmt.Errorf("the rows are wrong: %d payments taken, %d recorded, %d orders paid, %d tickets sold", paid, payments, orders, sold)
	}
	return nil
}

// payEach measures the baseline of payments: one commit each, with prepared statements and the best pool, without any
// message or stock.
func (b *bench) payEach(ctx context.Context) (result figures, err error) {
	n := b.payableOrders() / 4 // it is slower
	err = b.onFixture(ctx, b.home, func(f *fixture) error {
		d, err := newBaselineDB(ctx, f, b.pools["plain"])
		if err != nil {
			return err
		}
		expiresAt := time.Now().Add(longWindow)
		if err := d.prefill(ctx, n, expiresAt); err != nil {
			return err
		}
		pay, err := d.payer(ctx, f)
		if err != nil {
			return err
		}
		paid, rate, err := b.payInLoop(ctx, prefilled(0, n, n, screening, expiresAt), pay)
		if err != nil {
			return err
		}
		result = figures{"callbacks/s": rate}
		return d.verifyPaid(ctx, paid)
	})
	return result, err
}

// payer prepares a payFunc of one transaction.
func (d *baselineDB) payer(ctx context.Context, f *fixture) (payFunc, error) {
	record, err := d.prepare(ctx, f, `INSERT INTO payments (id, order_id, amount, received_at) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return nil, err
	}
	settle, err := d.prepare(ctx, f, `UPDATE orders SET state = 'PAID' WHERE id = ? AND state = 'PENDING_PAYMENT'`)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, o event.Order) error {
		return d.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := execIn(ctx, tx, record, "pay-"+o.ID, o.ID, o.Amount.Amount, strconv.FormatInt(o.CreatedAt, 10)); err != nil {
				return fmt.Errorf("record payment: %w", err)
			}
			return exactlyOne(execIn(ctx, tx, settle, o.ID))
		})
	}, nil
}

func (d *baselineDB) verifyPaid(ctx context.Context, paid int64) error {
	var orders, payments int64
	if err := d.pool.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM orders WHERE state = 'PAID'),
		(SELECT COUNT(*) FROM payments)`).Scan(&orders, &payments); err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	if orders != paid || payments != paid {
		return fmt.Errorf("the rows are wrong: %d payments taken, %d recorded, %d orders paid", paid, payments, orders)
	}
	return nil
}

// payFunc delivers the payment of an order.
type payFunc func(context.Context, event.Order) error

// payInLoop pays one order after the other with as many payers as there are buyers, until the measured time ends or all
// are paid, and returns payments per second.
func (b *bench) payInLoop(ctx context.Context, orders []event.Order, pay payFunc) (paid int64, rate float64, err error) {
	var n atomic.Int64
	var failure firstError
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plan := traffic.Plan{Workers: buyersDefault, For: b.duration}
	report := plan.Run(ctx, func(ctx context.Context, s traffic.Start) {
		if s.N >= int64(len(orders)) {
			cancel()
			return
		}
		if err := pay(context.WithoutCancel(ctx), orders[s.N]); err != nil {
			failure.set(err)
			cancel()
			return
		}
		n.Add(1)
	})
	return n.Load(), float64(n.Load()) / report.Took.Seconds(), failure.get()
}
