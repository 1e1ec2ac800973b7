package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

const (
	statementRows   = 500
	transactionRows = 20_000
	base            = 32 // of the digits of order ids
)

// What all variants sell.
const (
	screening   = "hot"
	hotCapacity = 50_000_000 // tickets: nobody is turned away
	ticketPrice = 4900
	currency    = "CNY"
	// Payment deadlines lie behind the end of the run, so that no message of one measurement comes due in another.
	longWindow = 2 * time.Hour
)

// prefilled makes n of a number of orders, from one of them on, to fill tables with before a measurement. Their ids are
// spread evenly over all that are older than any that the office makes, and come in their order, so that filling takes
// seconds.
func prefilled(from, n, of int, screeningID string, expiresAt time.Time) []event.Order {
	orders := make([]event.Order, 0, n)
	step := math.MaxUint64 / uint64(of)
	for i := from; i < from+n; i++ {
		id := strconv.FormatUint(uint64(i)*step, base)
		orders = append(orders, event.Order{
			ID: "00" + strings.Repeat("0", 13-len(id)) + id + "fill1234567", ScreeningID: screeningID,
			BuyerID: "buyer-" + strconv.Itoa(i), Quantity: 1, Amount: event.Money{Amount: ticketPrice, Currency: currency},
			CreatedAt: expiresAt.Add(-longWindow).UnixMilli(), ExpiresAt: expiresAt.UnixMilli(),
		})
	}
	return orders
}

// requestOf is the request id of such an order. These ids lie evenly over all possible ones, so a table that is filled with
// them is spread like one that was filled by buyers.
func requestOf(o event.Order) string { return o.ID[2:15] + "fill123456789" }

// rowsOf says which row of a table is written for an order.
type rowsOf struct {
	table, columns string
	values         func(event.Order) []any
}

// reservationsAs are reservations in one of their states.
func reservationsAs(state string) rowsOf {
	const columns = "order_id, request_id, screening_id, buyer_id, quantity, amount, currency, state, " +
		"created_at, expires_at, sweep_at, settled_at"
	return rowsOf{"reservations", columns, func(o event.Order) []any {
		var sweepAt, settledAt any
		if state == "reserved" {
			sweepAt = o.ExpiresAt + longWindow.Milliseconds()
		} else {
			settledAt = o.CreatedAt
		}
		return []any{
			o.ID, requestOf(o), o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, state,
			o.CreatedAt, o.ExpiresAt, sweepAt, settledAt,
		}
	}}
}

// ordersAs are orders in one of their states.
func ordersAs(state string) rowsOf {
	const columns = "id, screening_id, buyer_id, quantity, amount, currency, state, created_at, expires_at, settled_at"
	return rowsOf{"orders", columns, func(o event.Order) []any {
		var settledAt any
		if state != "PENDING_PAYMENT" {
			settledAt = o.CreatedAt
		}
		return []any{
			o.ID, o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, state, o.CreatedAt, o.ExpiresAt, settledAt,
		}
	}}
}

// appliedPayments are the payments that paid the orders.
func appliedPayments() rowsOf {
	return rowsOf{"payments", "id, order_id, amount, currency, webhook_id, result, received_at", func(o event.Order) []any {
		return []any{"pay-" + requestOf(o), o.ID, o.Amount.Amount, o.Amount.Currency, "msg-" + o.ID, "applied", o.CreatedAt}
	}}
}

// write inserts n orders.
func (r rowsOf) write(ctx context.Context, d *db.DB, n int, screeningID string, expiresAt time.Time) error {
	return r.writePart(ctx, d, 0, n, n, screeningID, expiresAt)
}

// writePart inserts n of a number of orders, beginning with the first of them that is given.
func (r rowsOf) writePart(ctx context.Context, d *db.DB, first, n, of int, screeningID string, expiresAt time.Time) error {
	for from := first; from < first+n; from += transactionRows {
		orders := prefilled(from, min(transactionRows, first+n-from), of, screeningID, expiresAt)
		err := d.InTx(ctx, func(tx *db.Tx) error {
			for chunk := range slices.Chunk(orders, statementRows) {
				if err := r.insert(ctx, tx, chunk); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("fill %s: %w", r.table, err)
		}
	}
	return nil
}

func (r rowsOf) insert(ctx context.Context, tx sqlx.ExecerContext, orders []event.Order) error {
	var args []any
	for _, o := range orders {
		args = append(args, r.values(o)...)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+r.table+" ("+r.columns+") VALUES "+
		db.Tuples(len(orders), strings.Count(r.columns, ",")+1), args...)
	return err
}
