package main

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"boxoffice/common/event"
)

// payOurs measures payments, delivered as the handler of the callback does it, to orders that wait for them. The messages
// by which stock learns of the sold tickets are in the measured time.
func (b *bench) payOurs(ctx context.Context) (result figures, err error) {
	n := payableOrders(b.duration)
	err = b.onFixture(ctx, b.home, func(f *fixture) error {
		office, err := openOffice(ctx, f, officeOptions{})
		if err != nil {
			return err
		}
		expiresAt := time.Now().Add(longWindow)
		if err := office.prefill(ctx, n, expiresAt, true); err != nil {
			return err
		}
		paid, rate, err := payInLoop(ctx, b.duration, prefilled(0, n, n, office.screeningID, expiresAt), office.pay)
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

// payEach measures the baseline of payments: one commit each, with prepared statements and the best pool, without any
// message or stock.
func (b *bench) payEach(ctx context.Context) (result figures, err error) {
	n := payableOrders(b.duration) / 4 // it is slower
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
		paid, rate, err := payInLoop(ctx, b.duration, prefilled(0, n, n, screening, expiresAt), pay)
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
