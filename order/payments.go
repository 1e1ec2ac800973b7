package order

import (
	"context"
	"fmt"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"

	"github.com/jmoiron/sqlx"
)

type paymentRow struct {
	ID       string        `db:"id"`
	OrderID  string        `db:"order_id"`
	Amount   int64         `db:"amount"`
	Currency string        `db:"currency"`
	Result   PaymentResult `db:"result"`
}

func (r paymentRow) payment() Payment {
	return Payment{ID: r.ID, OrderID: r.OrderID, Amount: event.Money{Amount: r.Amount, Currency: r.Currency}}
}

// readPayments reads the recorded ones of these payments, without their webhook ids.
func readPayments(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]receivedPayment, error) {
	rows, err := selectPayments(ctx, q, `id IN (?)`, ids)
	payments := make(map[string]receivedPayment, len(rows))
	for _, r := range rows {
		payments[r.ID] = receivedPayment{r.payment(), r.Result}
	}
	return payments, err
}

// selectPayments reads the payments of a condition on ids, the oldest first.
func selectPayments(ctx context.Context, q sqlx.QueryerContext, condition string, ids []string) ([]paymentRow, error) {
	var payments []paymentRow
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		query, args, err := sqlx.In(`SELECT id, order_id, amount, currency, result FROM payments
			WHERE `+condition+` ORDER BY received_at, id`, chunk)
		if err != nil {
			return nil, fmt.Errorf("read payments: %w", err)
		}
		var rows []paymentRow
		if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
			return nil, fmt.Errorf("read payments: %w", err)
		}
		payments = append(payments, rows...)
	}
	return payments, nil
}

// anyParked tells whether any payment at all is parked. The condition against applied looks idle; it is the one of
// SQLite's partial index.
func anyParked(ctx context.Context, q sqlx.QueryerContext) (bool, error) {
	var found []int
	err := sqlx.SelectContext(ctx, q, &found, `SELECT 1 FROM payments WHERE result = 'parked' AND result <> 'applied' LIMIT 1`)
	if err != nil {
		return false, fmt.Errorf("look for parked payments: %w", err)
	}
	return len(found) > 0, nil
}

// parkedPayments reads the parked payments of these orders, the oldest first. There is hardly ever one.
func parkedPayments(ctx context.Context, q sqlx.QueryerContext, orderIDs []string) ([]Payment, error) {
	if waiting, err := anyParked(ctx, q); err != nil || !waiting {
		return nil, err
	}
	rows, err := selectPayments(ctx, q, `result = 'parked' AND result <> 'applied' AND order_id IN (?)`, orderIDs)
	return paymentsOf(rows), err
}

// appliedPayments reads what paid these orders.
func appliedPayments(ctx context.Context, q sqlx.QueryerContext, orderIDs []string) ([]Payment, error) {
	rows, err := selectPayments(ctx, q, `result = 'applied' AND order_id IN (?)`, orderIDs)
	return paymentsOf(rows), err
}

func paymentsOf(rows []paymentRow) []Payment {
	payments := make([]Payment, len(rows))
	for i, r := range rows {
		payments[i] = r.payment()
	}
	return payments
}

func insertPayments(ctx context.Context, tx *db.Tx, payments []receivedPayment, now int64) error {
	values := make([]any, 0, 7*len(payments))
	for _, p := range payments {
		values = append(values, p.ID, p.OrderID, p.Amount.Amount, p.Amount.Currency, p.WebhookID, string(p.result), now)
	}
	if err := tx.Insert(ctx, `payments (id, order_id, amount, currency, webhook_id, result, received_at)`, values); err != nil {
		return fmt.Errorf("record payments: %w", err)
	}
	return nil
}

// movePayments gives payments another result, once: two transactions may have read the same ones.
func movePayments(ctx context.Context, tx *db.Tx, ids []string, from, to PaymentResult) error {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		query, args, err := sqlx.In(`UPDATE payments SET result = ? WHERE result = ? AND id IN (?)`, string(to), string(from), chunk)
		if err != nil {
			return fmt.Errorf("decide payments: %w", err)
		}
		if err := execAll(ctx, tx, len(chunk), query, args); err != nil {
			return fmt.Errorf("decide payments: %w", err)
		}
	}
	return nil
}

// claim is a payment as what it says: two deliveries of one claim are one.
type claim struct {
	ID, OrderID string
	Amount      event.Money
}

// recordReused keeps the payments whose id is another one's, each claim once. There is hardly ever one.
func recordReused(ctx context.Context, tx *db.Tx, reused []Payment, now int64) error {
	if len(reused) == 0 {
		return nil
	}
	ids := make([]string, len(reused))
	for i, p := range reused {
		ids[i] = p.ID
	}
	known := map[claim]bool{}
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		query, args, err := sqlx.In(`SELECT payment_id AS id, order_id, amount, currency FROM reused_payments
			WHERE payment_id IN (?)`, chunk)
		if err != nil {
			return fmt.Errorf("read reused payment ids: %w", err)
		}
		var rows []paymentRow
		if err := tx.SelectContext(ctx, &rows, query, args...); err != nil {
			return fmt.Errorf("read reused payment ids: %w", err)
		}
		for _, p := range paymentsOf(rows) {
			known[claim{p.ID, p.OrderID, p.Amount}] = true
		}
	}
	var values []any
	for _, p := range reused {
		if c := (claim{p.ID, p.OrderID, p.Amount}); !known[c] {
			known[c] = true
			values = append(values, p.ID, p.OrderID, p.Amount.Amount, p.Amount.Currency, p.WebhookID, now)
		}
	}
	if err := tx.Insert(ctx, `reused_payments (payment_id, order_id, amount, currency, webhook_id, received_at)`, values); err != nil {
		return fmt.Errorf("record reused payment ids: %w", err)
	}
	return nil
}

func insertRefunds(ctx context.Context, tx *db.Tx, refunds []refund, now int64) error {
	values := make([]any, 0, 7*len(refunds))
	for _, r := range refunds {
		values = append(values, r.ID, r.OrderID, r.Amount.Amount, r.Amount.Currency, string(r.reason), "due", now)
	}
	if err := tx.Insert(ctx, `refunds (payment_id, order_id, amount, currency, reason, state, created_at)`, values); err != nil {
		return fmt.Errorf("record refunds: %w", err)
	}
	return nil
}
