package order

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"

	"github.com/jmoiron/sqlx"
)

// rowsPerStatement keeps a statement far below what the databases take (SQLite: 32766 parameters).
const rowsPerStatement = 500

// Find reads orders by id; those that do not exist are absent from the answer.
func (o *Orders) Find(ctx context.Context, ids ...string) (map[string]Order, error) {
	orders, err := readOrders(ctx, o.db.Reader(), ids)
	return orders, o.unavailable(err)
}

func readOrders(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]Order, error) {
	type row struct {
		ID           string       `db:"id"`
		ScreeningID  string       `db:"screening_id"`
		BuyerID      string       `db:"buyer_id"`
		Quantity     int64        `db:"quantity"`
		Amount       int64        `db:"amount"`
		Currency     string       `db:"currency"`
		State        State        `db:"state"`
		CancelReason CancelReason `db:"cancel_reason"`
		CreatedAt    int64        `db:"created_at"`
		ExpiresAt    int64        `db:"expires_at"`
	}
	orders := make(map[string]Order, len(ids))
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		query, args, err := sqlx.In(`SELECT id, screening_id, buyer_id, quantity, amount, currency, state,
			COALESCE(cancel_reason, '') AS cancel_reason, created_at, expires_at FROM orders WHERE id IN (?)`, chunk)
		if err != nil {
			return nil, fmt.Errorf("read orders: %w", err)
		}
		var rows []row
		if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
			return nil, fmt.Errorf("read orders: %w", err)
		}
		for _, r := range rows {
			orders[r.ID] = Order{
				Order: event.Order{
					ID: r.ID, ScreeningID: r.ScreeningID, BuyerID: r.BuyerID, Quantity: r.Quantity,
					Amount: event.Money{Amount: r.Amount, Currency: r.Currency}, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
				},
				State: r.State, CancelReason: r.CancelReason,
			}
		}
	}
	return orders, nil
}

func insertOrders(ctx context.Context, tx *db.Tx, orders []event.Order) error {
	values := make([]any, 0, 9*len(orders))
	for _, order := range orders {
		values = append(values, order.ID, order.ScreeningID, order.BuyerID, order.Quantity, order.Amount.Amount, order.Amount.Currency,
			string(PendingPayment), order.CreatedAt, order.ExpiresAt)
	}
	if err := tx.Insert(ctx, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, created_at,
		expires_at)`, values); err != nil {
		return fmt.Errorf("create orders: %w", err)
	}
	return nil
}

// settleOrders and payOrders are the arbiter of paid against cancelled: only their two statements change an order's
// state. The orders of settleOrders were read in state from; if one of them no longer is, all of it fails with errRaced.
func settleOrders(ctx context.Context, tx *db.Tx, ids []string, from, to State, reason CancelReason, now int64) error {
	cancelReason := sql.NullString{String: string(reason), Valid: reason != ""}
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		query, args, err := sqlx.In(`UPDATE orders SET state = ?, cancel_reason = ?, settled_at = ?
			WHERE state = ? AND id IN (?)`, string(to), cancelReason, now, string(from), chunk)
		if err != nil {
			return fmt.Errorf("settle orders: %w", err)
		}
		if err := execAll(ctx, tx, len(chunk), query, args); err != nil {
			return fmt.Errorf("settle orders: %w", err)
		}
	}
	return nil
}

// payOrders makes the orders of these payments, which are one to an order, paid without a read. If one of them is
// absent, no longer pending, or costs something else, all of it fails with errRaced.
func payOrders(ctx context.Context, tx *db.Tx, payments []Payment, now int64) error {
	ids := map[event.Money][]string{}
	for _, p := range payments {
		ids[p.Amount] = append(ids[p.Amount], p.OrderID)
	}
	amounts := slices.SortedFunc(maps.Keys(ids), func(a, b event.Money) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Amount, b.Amount))
	})
	for _, amount := range amounts {
		slices.Sort(ids[amount])
		for chunk := range slices.Chunk(ids[amount], rowsPerStatement) {
			query, args, err := sqlx.In(`UPDATE orders SET state = 'PAID', settled_at = ?
				WHERE state = 'PENDING_PAYMENT' AND amount = ? AND currency = ? AND id IN (?)`,
				now, amount.Amount, amount.Currency, chunk)
			if err != nil {
				return fmt.Errorf("pay orders: %w", err)
			}
			if err := execAll(ctx, tx, len(chunk), query, args); err != nil {
				return fmt.Errorf("pay orders: %w", err)
			}
		}
	}
	return nil
}

// execAll runs a guarded update that has to match n rows.
func execAll(ctx context.Context, tx *db.Tx, n int, query string, args []any) error {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	matched, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if matched != int64(n) {
		return errRaced
	}
	return nil
}
