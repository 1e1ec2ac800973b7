package order

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"boxoffice/common/db"
)

// errOrderDiffers says that an order with the id of an archived one exists, and is not the same.
var errOrderDiffers = errors.New("order is there already and is not the archived one")

// RestoreRecords inserts archived orders of a screening, their payments and the attempts to pay again, in one transaction, and
// passes over those that are restored already. A payment that was recorded in the meantime under the id of an archived one does not
// make it fail, see paymentRestore.
func (o *Orders) RestoreRecords(ctx context.Context, screeningID string, epoch int64, records []Record) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		if err := checkEpoch(ctx, tx, screeningID, epoch); err != nil {
			return err
		}
		absent, err := absentRecords(ctx, tx, records)
		if err != nil || len(absent) == 0 {
			return err
		}
		var orders []any
		for _, r := range absent {
			orders = append(orders, r.Order.values()...)
		}
		if err := tx.Insert(ctx, `orders (id, screening_id, buyer_id, quantity, amount, currency, state, cancel_reason,
			created_at, recorded_at, expires_at, settled_at, late_payment)`, orders); err != nil {
			return err
		}
		if err := restoreAttempts(ctx, tx, absent); err != nil {
			return err
		}
		return restorePayments(ctx, tx, absent, o.now().UnixMilli())
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("restore orders: %w", err))
	}
	return nil
}

// absentRecords are the records whose order is not in the database.
func absentRecords(ctx context.Context, tx *db.Tx, records []Record) (absent []Record, err error) {
	present, err := readRecordedOrders(ctx, tx, orderIDsOf(records))
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		row, exists := present[r.Order.ID]
		row.LatePayment = r.Order.LatePayment // the only column that may have changed since the file was written
		switch {
		case !exists:
			absent = append(absent, r)
		case row != r.Order:
			return nil, fmt.Errorf("%w: %s is %s", errOrderDiffers, r.Order.ID, row.State)
		}
	}
	return absent, nil
}

// values are the columns of an order's row, in the order of the INSERT.
func (r RecordedOrder) values() []any {
	var reason any
	if r.CancelReason != "" {
		reason = string(r.CancelReason)
	}
	return []any{
		r.ID, r.ScreeningID, r.BuyerID, r.Quantity, r.Amount, r.Currency, string(r.State), reason,
		r.CreatedAt, r.RecordedAt, r.ExpiresAt, r.SettledAt, string(r.LatePayment),
	}
}

// presentPayment is the row of a payment that has the id of an archived one.
type presentPayment struct {
	RecordedPayment
	Result PaymentResult `db:"result"`
}

// restorePayments inserts the payments of restored orders.
func restorePayments(ctx context.Context, tx *db.Tx, records []Record, now int64) error {
	var archived []RecordedPayment
	var ids []string
	for _, r := range records {
		for _, p := range r.Payments {
			p.OrderID, p.ID = r.Order.ID, recordIDOf(cmp.Or(p.Provider, DefaultProvider), p.ID)
			archived, ids = append(archived, p), append(ids, p.ID)
		}
	}
	rows, err := db.SelectIn[presentPayment](ctx, tx, `SELECT id, provider, order_id, amount, currency, webhook_id, received_at, result
		FROM payments WHERE id IN (?)`, ids)
	if err != nil {
		return err
	}
	present := map[string]presentPayment{}
	for _, row := range rows {
		present[row.ID] = row
	}
	var restore paymentRestore
	for _, p := range archived {
		restore.add(p, present)
	}
	if err := tx.ExecIn(ctx, `DELETE FROM payments WHERE id IN (?)`, restore.deleted); err != nil {
		return err
	}
	if err := tx.Insert(ctx, `payments (id, provider, order_id, amount, currency, webhook_id, result, received_at)`, restore.inserted); err != nil {
		return err
	}
	return recordReused(ctx, tx, restore.reused, now)
}

// paymentRestore is what one transaction writes to restore payments.
type paymentRestore struct {
	deleted  []string  // ids of payments that archived ones replace
	inserted []any     // rows of payments
	reused   []Payment // payments that came with the id of another one
}

// add restores an archived payment. Under its id the same payment, delivered again, or a different one may have been
// recorded in the meantime. A recorded payment that paid an order, or whose money goes back, stays; the archived one
// replaces one that is parked. Of two different payments, the one that then has no row is recorded as reused.
func (r *paymentRestore) add(p RecordedPayment, present map[string]presentPayment) {
	if other, exists := present[p.ID]; exists {
		stays := other.Result != Parked
		withoutRow := p.payment()
		if !stays {
			r.deleted = append(r.deleted, p.ID)
			withoutRow = other.payment()
		}
		if other.payment().identity() != p.payment().identity() {
			r.reused = append(r.reused, withoutRow)
		}
		if stays {
			return
		}
	}
	r.inserted = append(r.inserted, p.ID, cmp.Or(p.Provider, DefaultProvider), p.OrderID, p.Amount, p.Currency, p.WebhookID,
		string(Applied), p.ReceivedAt)
}
