package order

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// decidedPayment is a payment with its result.
type decidedPayment struct {
	Payment
	result PaymentResult
}

// refunded is how much of an amount goes back at once when a payment has this result.
func (r PaymentResult) refunded(amount int64) int64 {
	if r == RefundDue || r == Mismatch {
		return amount
	}
	return 0
}

type paymentRow struct {
	ID       string        `db:"id"`
	Provider string        `db:"provider"`
	OrderID  string        `db:"order_id"`
	Amount   int64         `db:"amount"`
	Currency string        `db:"currency"`
	Result   PaymentResult `db:"result"`
	Refunded int64         `db:"refunded"`
}

func (r paymentRow) payment() Payment {
	return Payment{ID: r.ID, Provider: r.Provider, OrderID: r.OrderID, Amount: event.Money{Amount: r.Amount, Currency: r.Currency}}
}

// recordedPayment is a payment with how much of it goes back.
type recordedPayment struct {
	Payment
	refunded int64
}

// readPayments reads the recorded payments of these ids, without their webhook ids.
func readPayments(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]decidedPayment, error) {
	rows, err := selectPayments(ctx, q, `id IN (?)`, ids)
	payments := make(map[string]decidedPayment, len(rows))
	for _, r := range rows {
		payments[r.ID] = decidedPayment{r.payment(), r.Result}
	}
	return payments, err
}

// selectPayments reads the payments that fulfil a condition on ids, the oldest first.
func selectPayments(ctx context.Context, q sqlx.QueryerContext, condition string, ids []string) ([]paymentRow, error) {
	rows, err := db.SelectIn[paymentRow](ctx, q, `SELECT id, provider, order_id, amount, currency, result, refunded
		FROM payments WHERE `+condition+` ORDER BY received_at, id`, ids)
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	return rows, nil
}

// anyParked tells whether any payment at all is parked. SQLite uses its partial index only when the query repeats the
// index's condition, result <> 'applied'.
func anyParked(ctx context.Context, q sqlx.QueryerContext) (bool, error) {
	var found []int
	err := sqlx.SelectContext(ctx, q, &found, `SELECT 1 FROM payments WHERE result = 'parked' AND result <> 'applied' LIMIT 1`)
	if err != nil {
		return false, fmt.Errorf("look for parked payments: %w", err)
	}
	return len(found) > 0, nil
}

// parkedPayments reads the parked payments of these orders, the oldest first. Mostly no payment is parked, which
// anyParked finds out without the orders.
func parkedPayments(ctx context.Context, q sqlx.QueryerContext, orderIDs []string) ([]Payment, error) {
	if parked, err := anyParked(ctx, q); err != nil || !parked {
		return nil, err
	}
	rows, err := selectPayments(ctx, q, `result = 'parked' AND result <> 'applied' AND order_id IN (?)`, orderIDs)
	return paymentsOf(rows), err
}

// appliedPayments reads the payments that paid these orders.
func appliedPayments(ctx context.Context, q sqlx.QueryerContext, orderIDs []string) ([]recordedPayment, error) {
	rows, err := selectPayments(ctx, q, `result = 'applied' AND order_id IN (?)`, orderIDs)
	payments := make([]recordedPayment, len(rows))
	for i, r := range rows {
		payments[i] = recordedPayment{r.payment(), r.Refunded}
	}
	return payments, err
}

func paymentsOf(rows []paymentRow) []Payment {
	payments := make([]Payment, len(rows))
	for i, r := range rows {
		payments[i] = r.payment()
	}
	return payments
}

// insertPayments records payments with their results.
func insertPayments(ctx context.Context, tx *db.Tx, payments []decidedPayment, now int64) error {
	values := make([]any, 0, 9*len(payments))
	for _, p := range payments {
		values = append(values, p.ID, cmp.Or(p.Provider, DefaultProvider), p.OrderID, p.Amount.Amount, p.Amount.Currency,
			p.WebhookID, string(p.result), p.result.refunded(p.Amount.Amount), now)
	}
	if err := tx.Insert(ctx, `payments (id, provider, order_id, amount, currency, webhook_id, result, refunded,
		received_at)`, values); err != nil {
		return fmt.Errorf("record payments: %w", err)
	}
	return nil
}

// paidAttempts are the orders that are paid by payments which were started at this office.
func paidAttempts(payments []decidedPayment) []string {
	var orderIDs []string
	for _, p := range payments {
		if p.Started && p.result == Applied {
			orderIDs = append(orderIDs, p.OrderID)
		}
	}
	return orderIDs
}

// changeResults changes the result of payments that were read with result from, or fails with db.ErrConflict: another
// transaction may have read and changed the same ones.
func changeResults(ctx context.Context, tx *db.Tx, ids []string, from, to PaymentResult) error {
	if err := tx.ChangeEach(ctx, `UPDATE payments SET result = ?, refunded = ? * amount WHERE result = ? AND id IN (?)`,
		ids, string(to), to.refunded(1), string(from)); err != nil {
		return fmt.Errorf("decide payments: %w", err)
	}
	return nil
}

// unapply makes payments that had paid an order refunds, or fails with db.ErrConflict when one of them, or how much of it
// goes back, has changed since it was read.
func unapply(ctx context.Context, tx *db.Tx, payments []recordedPayment) error {
	for _, p := range payments {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE payments SET result = 'refund_due', refunded = amount
			WHERE result = 'applied' AND id = ? AND refunded = ?`, p.ID, p.refunded); err != nil {
			return fmt.Errorf("take back what a payment paid: %w", err)
		}
	}
	return nil
}

// recordReused records payments that came with the id of another payment, each of them once however often it comes.
func recordReused(ctx context.Context, tx *db.Tx, reused []Payment, now int64) error {
	if len(reused) == 0 {
		return nil
	}
	ids := make([]string, len(reused))
	for i, p := range reused {
		ids[i] = p.ID
	}
	rows, err := db.SelectIn[paymentRow](ctx, tx, `SELECT payment_id AS id, order_id, amount, currency FROM reused_payments
		WHERE payment_id IN (?)`, ids)
	if err != nil {
		return fmt.Errorf("read reused payment ids: %w", err)
	}
	recorded := map[paymentIdentity]bool{}
	for _, p := range paymentsOf(rows) {
		recorded[p.identity()] = true
	}
	var values []any
	for _, p := range reused {
		if !recorded[p.identity()] {
			recorded[p.identity()] = true
			values = append(values, p.ID, cmp.Or(p.Provider, DefaultProvider), p.OrderID, p.Amount.Amount, p.Amount.Currency,
				p.WebhookID, now)
		}
	}
	if err := tx.Insert(ctx, `reused_payments (payment_id, provider, order_id, amount, currency, webhook_id, received_at)`, values); err != nil {
		return fmt.Errorf("record reused payment ids: %w", err)
	}
	return nil
}
