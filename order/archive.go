package order

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boxoffice/common/db"

	"github.com/jmoiron/sqlx"
)

// errOrderOpen says that an order is still pending: it is not for the archive.
var errOrderOpen = errors.New("order is pending")

// Record is an order with all that its row says, and the payments that paid it. Times are Unix milliseconds.
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
	ExpiresAt    int64        `json:"expires_at" db:"expires_at"`
	SettledAt    int64        `json:"settled_at" db:"settled_at"`
}

// RecordedPayment is the row of a payment that paid its order. Those that are money to send back stay where they are.
type RecordedPayment struct {
	ID         string `json:"id" db:"id"`
	OrderID    string `json:"-" db:"order_id"`
	Amount     int64  `json:"amount" db:"amount"`
	Currency   string `json:"currency" db:"currency"`
	WebhookID  string `json:"webhook_id" db:"webhook_id"`
	ReceivedAt int64  `json:"received_at" db:"received_at"`
}

// Records reads orders with the payments that paid them; those that do not exist are absent.
func (o *Orders) Records(ctx context.Context, ids ...string) (map[string]Record, error) {
	records := make(map[string]Record, len(ids))
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		var orders []RecordedOrder
		if err := selectIn(ctx, o.db.Reader(), &orders, `SELECT id, screening_id, buyer_id, quantity, amount, currency, state,
			COALESCE(cancel_reason, '') AS cancel_reason, created_at, expires_at, COALESCE(settled_at, 0) AS settled_at
			FROM orders WHERE id IN (?)`, chunk); err != nil {
			return nil, o.unavailable(fmt.Errorf("read orders to archive: %w", err))
		}
		for _, row := range orders {
			records[row.ID] = Record{Order: row}
		}
		var payments []RecordedPayment
		if err := selectIn(ctx, o.db.Reader(), &payments, `SELECT id, order_id, amount, currency, webhook_id, received_at
			FROM payments WHERE result = 'applied' AND order_id IN (?) ORDER BY id`, chunk); err != nil {
			return nil, o.unavailable(fmt.Errorf("read payments to archive: %w", err))
		}
		for _, p := range payments {
			if r, exists := records[p.OrderID]; exists {
				r.Payments = append(r.Payments, p)
				records[p.OrderID] = r
			}
		}
	}
	return records, nil
}

func selectIn[T any](ctx context.Context, q sqlx.QueryerContext, rows *[]T, query string, ids []string) error {
	query, args, err := sqlx.In(query, ids)
	if err != nil {
		return err
	}
	return sqlx.SelectContext(ctx, q, rows, query, args...)
}

// DropRecords deletes archived orders and the payments that paid them, in one transaction, if all of the orders that are
// still there are final.
func (o *Orders) DropRecords(ctx context.Context, records []Record) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		there, err := present(ctx, tx, `SELECT id FROM orders WHERE id IN (?)`, orderIDsOf(records))
		if err != nil || len(there) == 0 {
			return err
		}
		var payments []string
		for _, r := range records {
			for _, p := range r.Payments {
				payments = append(payments, p.ID)
			}
		}
		if _, err := execIn(ctx, tx, `DELETE FROM payments WHERE result = 'applied' AND id IN (?)`, payments); err != nil {
			return err
		}
		gone, err := execIn(ctx, tx, `DELETE FROM orders WHERE state <> 'PENDING_PAYMENT' AND id IN (?)`, orderIDsOf(records))
		if err == nil && gone != int64(len(there)) {
			err = errOrderOpen
		}
		return err
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("drop archived orders: %w", err))
	}
	return nil
}

func orderIDsOf(records []Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.Order.ID
	}
	return ids
}

// present returns those of the ids whose rows are there.
func present(ctx context.Context, tx *db.Tx, query string, ids []string) (map[string]bool, error) {
	there := make(map[string]bool, len(ids))
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		var found []string
		if err := selectIn(ctx, tx, &found, query, chunk); err != nil {
			return nil, err
		}
		for _, id := range found {
			there[id] = true
		}
	}
	return there, nil
}

// execIn runs a statement on the rows of ids, and counts them.
func execIn(ctx context.Context, tx *db.Tx, query string, ids []string) (rows int64, err error) {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		statement, args, err := sqlx.In(query, chunk)
		if err != nil {
			return rows, err
		}
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return rows, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return rows, err
		}
		rows += n
	}
	return rows, nil
}

// RestoreRecords puts archived orders and their payments back; those that are back already are passed over. A payment that
// came once more while its order was in the archive, and was parked, is the archived one.
func (o *Orders) RestoreRecords(ctx context.Context, records []Record) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		there, err := present(ctx, tx, `SELECT id FROM orders WHERE id IN (?)`, orderIDsOf(records))
		if err != nil {
			return err
		}
		var orders, payments []any
		for _, r := range records {
			if there[r.Order.ID] {
				continue
			}
			orders = append(orders, r.Order.values()...)
			for _, p := range r.Payments {
				if _, err := tx.ExecContext(ctx, `DELETE FROM payments WHERE id = ? AND order_id = ? AND result = 'parked'`,
					p.ID, r.Order.ID); err != nil {
					return err
				}
				payments = append(payments, p.ID, r.Order.ID, p.Amount, p.Currency, p.WebhookID, string(Applied), p.ReceivedAt)
			}
		}
		if err := tx.Insert(ctx, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason,
			created_at, expires_at, settled_at)`, orders); err != nil {
			return err
		}
		return tx.Insert(ctx, `payments (id, order_id, amount, currency, webhook_id, result, received_at)`, payments)
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("restore orders: %w", err))
	}
	return nil
}

func (r RecordedOrder) values() []any {
	var reason any
	if r.CancelReason != "" {
		reason = string(r.CancelReason)
	}
	return []any{
		r.ID, r.ScreeningID, r.BuyerID, r.Quantity, r.Amount, r.Currency, string(r.State), reason,
		r.CreatedAt, r.ExpiresAt, r.SettledAt,
	}
}
