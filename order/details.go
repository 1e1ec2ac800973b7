package order

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
)

// detailsMax is how many payments or acts are read of one order, the oldest of them: an order has one or two.
const detailsMax = 1000

// Details is all that the row of an order says.
type Details struct {
	Order
	RecordedAt time.Time // when the row was made; zero for an order of an earlier version
	SettledAt  time.Time // when it became final; zero while it is pending
}

// Details reads orders by id; those that do not exist are absent from the answer.
func (o *Orders) Details(ctx context.Context, ids ...string) (map[string]Details, error) {
	type row struct {
		orderRow
		RecordedAt int64 `db:"recorded_at"`
		SettledAt  int64 `db:"settled_at"`
	}
	rows, err := db.SelectIn[row](ctx, o.db.Reader(), `SELECT `+orderColumns+`, recorded_at, COALESCE(settled_at, 0) AS settled_at
		FROM orders WHERE id IN (?)`, ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read orders: %w", err))
	}
	details := make(map[string]Details, len(rows))
	for _, r := range rows {
		details[r.ID] = Details{r.order(), TimeOf(r.RecordedAt), TimeOf(r.SettledAt)}
	}
	return details, nil
}

// TimeOf is the time of Unix milliseconds, of which 0 stands for none.
func TimeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Received is a payment as it is recorded: what became of it, and how much of it goes back or has gone back.
type Received struct {
	Payment
	Result     PaymentResult
	Refunded   int64
	ReceivedAt time.Time
}

// PaymentsFor reads the payments that came for these orders, the oldest first among those of one statement. Naming every
// result lets MySQL use the index on result and order.
func (o *Orders) PaymentsFor(ctx context.Context, orderIDs ...string) ([]Received, error) {
	type row struct {
		paymentRow
		WebhookID  string `db:"webhook_id"`
		ReceivedAt int64  `db:"received_at"`
	}
	rows, err := db.SelectIn[row](ctx, o.db.Reader(), fmt.Sprintf(`SELECT id, provider, order_id, amount, currency, result, refunded,
		webhook_id, received_at FROM payments WHERE result IN ('applied', 'parked', 'refund_due', 'mismatch') AND order_id IN (?)
		ORDER BY received_at, id LIMIT %d`, detailsMax), orderIDs)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read payments of orders: %w", err))
	}
	received := make([]Received, len(rows))
	for i, r := range rows {
		p := r.payment()
		p.WebhookID = r.WebhookID
		received[i] = Received{p, r.Result, r.Refunded, TimeOf(r.ReceivedAt)}
	}
	return received, nil
}

// ReusedFor returns the payments that came for an order with the id of another payment, and so paid nothing, the oldest
// first.
func (o *Orders) ReusedFor(ctx context.Context, orderID string) ([]Claim, error) {
	return o.claims(ctx, `SELECT payment_id, order_id, amount, currency, received_at AS since FROM reused_payments
		WHERE order_id = ? ORDER BY received_at, payment_id LIMIT ?`, orderID, detailsMax)
}

// ActsOn returns what operators have done to these orders, payments and refunds, the oldest first among those of one
// statement.
func (o *Orders) ActsOn(ctx context.Context, subjects ...string) ([]audit.Recorded, error) {
	var acts []audit.Recorded
	for some := range slices.Chunk(subjects, db.InMax) {
		found, err := audit.ReadOn(ctx, o.db.Reader(), some, detailsMax)
		if err != nil {
			return nil, o.unavailable(err)
		}
		acts = append(acts, found...)
	}
	return acts, nil
}

// MoneyOf is what has come for an order in its own currency.
type MoneyOf struct {
	Received int64  // by all payments
	Refunded int64  // what goes back or has gone back of it
	PaidBy   string // id of the payment that pays it; empty without one
	Provider string // of that payment
}

// MoneyFor adds up what has come for these orders, in the currency of each, by order id.
func (o *Orders) MoneyFor(ctx context.Context, orders map[string]Details) (map[string]MoneyOf, error) {
	type row struct {
		OrderID  string `db:"order_id"`
		Currency string `db:"currency"`
		Received int64  `db:"received"`
		Refunded int64  `db:"refunded"`
		PaidBy   string `db:"paid_by"`
		Provider string `db:"provider"`
	}
	rows, err := db.SelectIn[row](ctx, o.db.Reader(), `SELECT order_id, currency, SUM(amount) AS received, SUM(refunded) AS refunded,
		COALESCE(MAX(CASE WHEN result = 'applied' THEN id END), '') AS paid_by,
		COALESCE(MAX(CASE WHEN result = 'applied' THEN provider END), '') AS provider
		FROM payments WHERE result IN ('applied', 'parked', 'refund_due', 'mismatch') AND order_id IN (?)
		GROUP BY order_id, currency`, slices.Sorted(maps.Keys(orders)))
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("add up payments of orders: %w", err))
	}
	money := make(map[string]MoneyOf, len(rows))
	for _, r := range rows {
		if r.Currency == orders[r.OrderID].Amount.Currency {
			money[r.OrderID] = MoneyOf{r.Received, r.Refunded, r.PaidBy, r.Provider}
		}
	}
	return money, nil
}
