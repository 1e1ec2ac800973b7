package order

import (
	"context"
	"database/sql"
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
		orders, err := recordedOrders(ctx, o.db.Reader(), chunk)
		if err != nil {
			return nil, o.unavailable(fmt.Errorf("read orders to archive: %w", err))
		}
		for id, row := range orders {
			records[id] = Record{Order: row}
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

// recordedOrders reads the rows of orders; those that do not exist are absent.
func recordedOrders(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]RecordedOrder, error) {
	orders := make(map[string]RecordedOrder, len(ids))
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		var rows []RecordedOrder
		if err := selectIn(ctx, q, &rows, `SELECT id, screening_id, buyer_id, quantity, amount, currency, state,
			COALESCE(cancel_reason, '') AS cancel_reason, created_at, expires_at, COALESCE(settled_at, 0) AS settled_at
			FROM orders WHERE id IN (?)`, chunk); err != nil {
			return nil, err
		}
		for _, row := range rows {
			orders[row.ID] = row
		}
	}
	return orders, nil
}

func selectIn[T any](ctx context.Context, q sqlx.QueryerContext, rows *[]T, query string, ids []string) error {
	query, args, err := sqlx.In(query, ids)
	if err != nil {
		return err
	}
	return sqlx.SelectContext(ctx, q, rows, query, args...)
}

// ErrFenced says that a later worker has taken over the archive of a screening: an earlier one changes nothing any more.
var ErrFenced = errors.New("another process has taken over this archive")

// FenceArchive makes epoch the latest worker at the archive of a screening, which all that follows must name. Who had an
// earlier one, and was only slow, fails with ErrFenced from then on.
func (o *Orders) FenceArchive(ctx context.Context, screeningID string, epoch int64) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		err := fence(ctx, tx, screeningID, epoch)
		if errors.Is(err, ErrFenced) { // or nobody has been there
			err = tx.Insert(ctx, `archive_epochs (screening_id, epoch)`, []any{screeningID, epoch})
		}
		return err
	})
	if o.db.IsDuplicate(err) {
		err = ErrFenced
	}
	if err != nil {
		return o.unavailable(fmt.Errorf("fence archive: %w", err))
	}
	return nil
}

// fence locks the row of a screening's archive, so that whoever comes later waits for this transaction.
func fence(ctx context.Context, tx *db.Tx, screeningID string, epoch int64) error {
	n, err := rowsOf(tx.ExecContext(ctx, `UPDATE archive_epochs SET epoch = ? WHERE screening_id = ? AND epoch <= ?`,
		epoch, screeningID, epoch))
	if err == nil && n == 0 {
		err = ErrFenced
	}
	return err
}

// DropRecords deletes archived orders of a screening and the payments that paid them, in one transaction, if all of the
// orders that are still there are final, and their payments are those of the records.
func (o *Orders) DropRecords(ctx context.Context, screeningID string, epoch int64, records []Record) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		if err := fence(ctx, tx, screeningID, epoch); err != nil {
			return err
		}
		there, err := recordedOrders(ctx, tx, orderIDsOf(records))
		if err != nil || len(there) == 0 {
			return err
		}
		var orderIDs []string
		archived := map[claim]bool{}
		for _, r := range records {
			if _, isThere := there[r.Order.ID]; !isThere {
				continue
			}
			orderIDs = append(orderIDs, r.Order.ID)
			for _, p := range r.Payments {
				p.OrderID = r.Order.ID
				archived[p.claim()] = true
			}
		}
		if err := dropPayments(ctx, tx, orderIDs, archived); err != nil {
			return err
		}
		gone, err := execIn(ctx, tx, `DELETE FROM orders WHERE state <> 'PENDING_PAYMENT' AND screening_id = ? AND id IN (?)`,
			orderIDs, screeningID)
		if err == nil && gone != int64(len(orderIDs)) {
			err = errOrderOpen
		}
		return err
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("drop archived orders: %w", err))
	}
	return nil
}

func dropPayments(ctx context.Context, tx *db.Tx, orderIDs []string, archived map[claim]bool) error {
	applied, err := appliedPayments(ctx, tx, orderIDs)
	if err != nil {
		return err
	}
	for _, p := range applied {
		if !archived[claim{p.ID, p.OrderID, p.Amount}] {
			return fmt.Errorf("payment %s of order %s is not in the archive", p.ID, p.OrderID)
		}
	}
	if len(applied) != len(archived) {
		return fmt.Errorf("%d payments paid these orders, and %d are in the archive", len(applied), len(archived))
	}
	_, err = execIn(ctx, tx, `DELETE FROM payments WHERE result = 'applied' AND order_id IN (?)`, orderIDs)
	return err
}

func orderIDsOf(records []Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.Order.ID
	}
	return ids
}

// execIn runs a statement on the rows of ids, which are its last arguments, and counts them.
func execIn(ctx context.Context, tx *db.Tx, query string, ids []string, args ...any) (rows int64, err error) {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		statement, values, err := sqlx.In(query, append(slices.Clone(args), chunk)...)
		if err != nil {
			return rows, err
		}
		n, err := rowsOf(tx.ExecContext(ctx, statement, values...))
		if err != nil {
			return rows, err
		}
		rows += n
	}
	return rows, nil
}

// rowsOf counts the rows that a statement has matched.
func rowsOf(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
