package main

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"boxoffice/common/event"
)

// payEach measures the baseline of payments: one commit each, with prepared statements and the best pool, without any
// message or stock.
func (b *bench) payEach(ctx context.Context) (figures, error) {
	n := payableOrders(b.duration) / 4 // it is slower
	return b.onFixture(ctx, b.home, func(f *fixture) (figures, error) {
		d, err := newBaselineDB(ctx, f, b.pools["plain"])
		if err != nil {
			return nil, err
		}
		expiresAt := time.Now().Add(longWindow)
		if err := d.prefill(ctx, n, expiresAt); err != nil {
			return nil, err
		}
		pay, err := d.payer(ctx, f)
		if err != nil {
			return nil, err
		}
		paid, rate, err := payInLoop(ctx, b.duration, prefilled(0, n, n, screening, expiresAt), pay)
		if err != nil {
			return nil, err
		}
		return figures{"callbacks/s": rate}, d.verifyPaid(ctx, paid)
	})
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
