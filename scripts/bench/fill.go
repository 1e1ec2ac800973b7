package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"

	"github.com/jmoiron/sqlx"
)

const (
	fillRows  = 500    // in one statement
	fillChunk = 20_000 // in one transaction
	base      = 32     // of the digits of order ids
)

// filled makes orders whose ids are older than any that the office makes, in their order, so that filling takes seconds.
func filled(from, n, of int, screeningID string, expiresAt time.Time) []event.Order {
	orders := make([]event.Order, 0, n)
	step := math.MaxUint64 / uint64(of)
	for i := from; i < from+n; i++ {
		id := strconv.FormatUint(uint64(i)*step, base)
		orders = append(orders, event.Order{
			ID: "00" + strings.Repeat("0", 13-len(id)) + id + "fill1234567", ScreeningID: screeningID, BuyerID: "buyer-" + strconv.Itoa(i), Quantity: 1,
			Amount:    event.Money{Amount: ticketPrice, Currency: currency},
			CreatedAt: expiresAt.Add(-farWindow).UnixMilli(), ExpiresAt: expiresAt.UnixMilli(),
		})
	}
	return orders
}

// requestOf is a request id. They lie evenly over all possible ones: a table that is filled with them is spread like one
// that was filled by buyers.
func requestOf(o event.Order) string { return o.ID[2:15] + "fill123456789" }

// filling is what to write for an order: rows of one table.
type filling struct {
	table, columns string
	values         func(event.Order) []any
}

// reservationsAs are rows of stock in one of its states.
func reservationsAs(state string) filling {
	return filling{"reservations", "order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, sweep_at, settled_at",
		func(o event.Order) []any {
			var sweepAt, settledAt any
			if state == "reserved" {
				sweepAt = o.ExpiresAt + farWindow.Milliseconds()
			} else {
				settledAt = o.CreatedAt
			}
			return []any{o.ID, requestOf(o), o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, state, o.CreatedAt, o.ExpiresAt, sweepAt, settledAt}
		}}
}

// ordersAs are rows of orders in one of its states.
func ordersAs(state string) filling {
	return filling{"orders", "id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, settled_at",
		func(o event.Order) []any {
			var settledAt any
			if state != "PENDING_PAYMENT" {
				settledAt = o.CreatedAt
			}
			return []any{o.ID, o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, state, o.CreatedAt, o.ExpiresAt, settledAt}
		}}
}

// paymentsOf are the payments that paid the orders.
func paymentsOf() filling {
	return filling{"payments", "id, order_id, amount, currency, webhook_id, result, received_at", func(o event.Order) []any {
		return []any{"pay-" + requestOf(o), o.ID, o.Amount.Amount, o.Amount.Currency, "msg-" + o.ID, "applied", o.CreatedAt}
	}}
}

// write inserts n orders.
func (f filling) write(ctx context.Context, d *db.DB, n int, screeningID string, expiresAt time.Time) error {
	return f.writePart(ctx, d, 0, n, n, screeningID, expiresAt)
}

// writePart inserts n of the orders of a number of them, from one on.
func (f filling) writePart(ctx context.Context, d *db.DB, first, n, of int, screeningID string, expiresAt time.Time) error {
	for from := first; from < first+n; from += fillChunk {
		orders := filled(from, min(fillChunk, first+n-from), of, screeningID, expiresAt)
		err := d.InTx(ctx, func(tx *db.Tx) error {
			for chunk := range slices.Chunk(orders, fillRows) {
				if err := f.insert(ctx, tx, chunk); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("fill %s: %w", f.table, err)
		}
	}
	return nil
}

func (f filling) insert(ctx context.Context, tx sqlx.ExecerContext, orders []event.Order) error {
	var args []any
	for _, o := range orders {
		args = append(args, f.values(o)...)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+f.table+" ("+f.columns+") VALUES "+
		db.Tuples(len(orders), strings.Count(f.columns, ",")+1), args...)
	return err
}

// fill makes n reservations of the office's screening that wait for payment, with their tickets, and with their orders
// if told so.
func (f *office) fill(ctx context.Context, n int, expiresAt time.Time, orders bool) error {
	err := reservationsAs("reserved").write(ctx, f.stockDB, n, f.screeningID, expiresAt)
	if orders {
		err = errors.Join(err, ordersAs("PENDING_PAYMENT").write(ctx, f.orderDB, n, f.screeningID, expiresAt))
	}
	return errors.Join(err, f.stockDB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE stock SET available = available - ?, reserved = reserved + ?, sales = sales + ?
			WHERE screening_id = ?`, n, n, n, f.screeningID)
		return err
	}))
}

// fill makes n orders of the ledger that wait for payment.
func (l *ledger) fill(ctx context.Context, n int, expiresAt time.Time) error {
	pool := sqlx.NewDb(l.pool, "ledger")
	for _, one := range []filling{
		{"reservations", "order_id, screening_id, buyer_id, quantity, amount, currency, created_at, expires_at, state", ledgerValues("reserved", requestOf)},
		{"orders", "id, screening_id, buyer_id, quantity, amount, currency, created_at, expires_at, state", ledgerValues("PENDING_PAYMENT", func(o event.Order) string { return o.ID })},
	} {
		tx, err := pool.BeginTxx(ctx, nil)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		for chunk := range slices.Chunk(filled(0, n, n, screening, expiresAt), fillRows) {
			if err := one.insert(ctx, tx, chunk); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	_, err := pool.ExecContext(ctx, `UPDATE stock SET available = available - ? WHERE screening_id = ?`, n, screening)
	return err
}

func ledgerValues(state string, id func(event.Order) string) func(event.Order) []any {
	return func(o event.Order) []any {
		return []any{id(o), o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, o.CreatedAt, o.ExpiresAt, state}
	}
}
