package order

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/event"
)

// Record is an order as it is archived: its row, and the payments that paid it. Times are Unix milliseconds.
type Record struct {
	Order    RecordedOrder     `json:"order"`
	Payments []RecordedPayment `json:"payments,omitempty"`
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

func (p RecordedPayment) payment() Payment {
	return Payment{p.ID, p.Provider, p.OrderID, event.Money{Amount: p.Amount, Currency: p.Currency}, p.WebhookID}
}

// Records reads orders with the payments that paid them; those that do not exist are absent from the answer.
func (o *Orders) Records(ctx context.Context, ids ...string) (map[string]Record, error) {
	orders, err := readRecordedOrders(ctx, o.db.Reader(), ids)
	if err != nil {
		return nil, o.unavailable(fmt.Errorf("read orders to archive: %w", err))
	}
	records := make(map[string]Record, len(orders))
	for id, row := range orders {
		records[id] = Record{Order: row}
	}
	payments, err := selectIn[RecordedPayment](ctx, o.db.Reader(), `SELECT id, provider, order_id, amount, currency, webhook_id, received_at
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
	rows, err := selectIn[RecordedOrder](ctx, q, `SELECT id, screening_id, buyer_id, quantity, amount, currency, state,
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

func orderIDsOf(records []Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.Order.ID
	}
	return ids
}
