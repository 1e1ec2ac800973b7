package order

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// Record is an order as it is archived: its row, the payments that paid it, and the attempts to pay. Times are Unix milliseconds.
type Record struct {
	Order    RecordedOrder     `json:"order"`
	Payments []RecordedPayment `json:"payments,omitempty"`
	Attempts []RecordedAttempt `json:"attempts,omitempty"`
}

// RecordedOrder is the row of an order.
type RecordedOrder struct {
	ID           string       `json:"id" db:"id"`
	ScreeningID  string       `json:"screening_id" db:"screening_id"`
	BuyerID      string       `json:"buyer_id" db:"buyer_id"`
	Quantity     int64        `json:"quantity" db:"quantity"`
	Amount       int64        `json:"amount" db:"amount"`
	Currency     string       `json:"currency" db:"currency"`
	State        State        `json:"state" db:"state"`
	CancelReason CancelReason `json:"cancel_reason,omitempty" db:"cancel_reason"`
	CreatedAt    int64        `json:"created_at" db:"created_at"`
	RecordedAt   int64        `json:"recorded_at,omitempty" db:"recorded_at"` // when the row was made; 0 in archives of an earlier version
	ExpiresAt    int64        `json:"expires_at" db:"expires_at"`
	SettledAt    int64        `json:"settled_at" db:"settled_at"`

	LatePayment event.LatePayment `json:"late_payment,omitempty" db:"late_payment"`
}

// RecordedPayment is the row of a payment that paid its order. Payments whose money goes back, or a part of it, are not
// archived: they stay in the database.
type RecordedPayment struct {
	ID         string `json:"id" db:"id"`
	Provider   string `json:"provider,omitempty" db:"provider"` // empty in archives of an earlier version
	OrderID    string `json:"-" db:"order_id"`
	Amount     int64  `json:"amount" db:"amount"`
	Currency   string `json:"currency" db:"currency"`
	WebhookID  string `json:"webhook_id" db:"webhook_id"`
	ReceivedAt int64  `json:"received_at" db:"received_at"`
}

// RecordedAttempt is the row of an attempt to pay for an order, once it is final: what its provider was asked, and by which
// reference the provider knows it. One that is still asked about stays in the database.
type RecordedAttempt struct {
	ID        string `json:"id" db:"id"`
	OrderID   string `json:"-" db:"order_id"`
	Provider  string `json:"provider" db:"provider"`
	Amount    int64  `json:"amount" db:"amount"`
	Currency  string `json:"currency" db:"currency"`
	State     string `json:"state" db:"state"` // paid or closed
	ReturnURL string `json:"return_url" db:"return_url"`
	Reference string `json:"reference,omitempty" db:"reference"`
	Action    string `json:"action,omitempty" db:"action"`
	ExpiresAt int64  `json:"expires_at" db:"expires_at"`
	Tries     int    `json:"tries" db:"tries"`
	NextAt    int64  `json:"next_at" db:"next_at"`
	CreatedAt int64  `json:"created_at" db:"created_at"`
	ChangedAt int64  `json:"changed_at" db:"changed_at"`
}

func (p RecordedPayment) payment() Payment {
	return Payment{
		ID: p.ID, Provider: p.Provider, OrderID: p.OrderID, Amount: event.Money{Amount: p.Amount, Currency: p.Currency},
		WebhookID: p.WebhookID,
	}
}

// Records reads orders with the payments that paid them and the attempts to pay; those that do not exist are absent from the
// answer.
func (o *Orders) Records(ctx context.Context, ids ...string) (map[string]Record, error) {
	orders, err := readRecordedOrders(ctx, o.db.Reader(), ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read orders to archive: %w", err))
	}
	attempts, err := readAttempts(ctx, o.db.Reader(), ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read payment attempts to archive: %w", err))
	}
	records := make(map[string]Record, len(orders))
	for id, row := range orders {
		records[id] = Record{Order: row, Attempts: attempts[id]}
	}
	payments, err := db.SelectIn[RecordedPayment](ctx, o.db.Reader(), `SELECT id, provider, order_id, amount, currency, webhook_id, received_at
		FROM payments WHERE result = 'applied' AND refunded = 0 AND order_id IN (?) ORDER BY id`, ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read payments to archive: %w", err))
	}
	for _, p := range payments {
		if r, exists := records[p.OrderID]; exists {
			r.Payments = append(r.Payments, p)
			records[p.OrderID] = r
		}
	}
	return records, nil
}

// readRecordedOrders reads the rows of orders by id; those that do not exist are absent from the answer.
func readRecordedOrders(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]RecordedOrder, error) {
	rows, err := db.SelectIn[RecordedOrder](ctx, q, `SELECT id, screening_id, buyer_id, quantity, amount, currency, state,
		COALESCE(cancel_reason, '') AS cancel_reason, created_at, recorded_at, expires_at, COALESCE(settled_at, 0) AS settled_at, late_payment
		FROM orders WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	orders := make(map[string]RecordedOrder, len(rows))
	for _, row := range rows {
		orders[row.ID] = row
	}
	return orders, nil
}

// readAttempts reads the final attempts of orders, by order.
func readAttempts(ctx context.Context, q sqlx.QueryerContext, orderIDs []string) (map[string][]RecordedAttempt, error) {
	rows, err := db.SelectIn[RecordedAttempt](ctx, q, `SELECT id, order_id, provider, amount, currency, state, return_url, reference, action,
		expires_at, tries, next_at, created_at, changed_at FROM payment_attempts
		WHERE state IN ('paid', 'closed') AND order_id IN (?) ORDER BY created_at, id`, orderIDs)
	attempts := make(map[string][]RecordedAttempt, len(rows))
	for _, row := range rows {
		attempts[row.OrderID] = append(attempts[row.OrderID], row)
	}
	return attempts, err
}

func orderIDsOf(records []Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.Order.ID
	}
	return ids
}
