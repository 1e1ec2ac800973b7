package order

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// errOrderDiffers says that an order is there already, and is another one than that of the archive.
var errOrderDiffers = errors.New("order is there already and is not the archived one")

// RestoreRecords puts archived orders of a screening and their payments back; those that are back already are passed over.
// What came meanwhile under the id of an archived payment holds up nothing, see restorePayment.
func (o *Orders) RestoreRecords(ctx context.Context, screeningID string, epoch int64, records []Record) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		if err := fence(ctx, tx, screeningID, epoch); err != nil {
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
			created_at, expires_at, settled_at)`, orders); err != nil {
			return err
		}
		return o.restorePayments(ctx, tx, absent)
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("restore orders: %w", err))
	}
	return nil
}

func absentRecords(ctx context.Context, tx *db.Tx, records []Record) (absent []Record, err error) {
	there, err := recordedOrders(ctx, tx, orderIDsOf(records))
	for _, r := range records {
		switch present, isThere := there[r.Order.ID]; {
		case !isThere:
			absent = append(absent, r)
		case present != r.Order:
			return nil, fmt.Errorf("%w: %s is %s", errOrderDiffers, r.Order.ID, present.State)
		}
	}
	return absent, err
}

// restoring is how the payments of some orders come back.
type restoring struct {
	replaced []string  // ids of payments that make room
	inserted []any     // rows of payments
	reused   []Payment // claims whose id is another payment's
}

func (o *Orders) restorePayments(ctx context.Context, tx *db.Tx, records []Record) error {
	var ids []string
	for _, r := range records {
		for _, p := range r.Payments {
			ids = append(ids, p.ID)
		}
	}
	there, err := meanwhile(ctx, tx, ids)
	if err != nil {
		return err
	}
	var plan restoring
	for _, r := range records {
		for _, p := range r.Payments {
			p.OrderID = r.Order.ID
			plan.restore(p, there)
		}
	}
	if _, err := execIn(ctx, tx, `DELETE FROM payments WHERE id IN (?)`, plan.replaced); err != nil {
		return err
	}
	if err := tx.Insert(ctx, `payments (id, order_id, amount, currency, webhook_id, result, received_at)`, plan.inserted); err != nil {
		return err
	}
	return recordReused(ctx, tx, plan.reused, o.now().UnixMilli())
}

// paymentMeanwhile is a payment that has come since its order went to the archive.
type paymentMeanwhile struct {
	RecordedPayment
	Result PaymentResult `db:"result"`
}

func meanwhile(ctx context.Context, tx *db.Tx, ids []string) (map[string]paymentMeanwhile, error) {
	there := map[string]paymentMeanwhile{}
	var rows []paymentMeanwhile
	if len(ids) == 0 {
		return there, nil
	}
	if err := selectIn(ctx, tx, &rows, `SELECT id, order_id, amount, currency, webhook_id, received_at, result
		FROM payments WHERE id IN (?)`, ids); err != nil {
		return nil, err
	}
	for _, row := range rows {
		there[row.ID] = row
	}
	return there, nil
}

// restore puts an archived payment back. One that was delivered once more, and had no order to pay, is the archived one.
// Another one of the same id that paid nothing makes room, and one that paid or is owed stays: whichever has no row then is
// kept among the claims whose id is another payment's.
func (r *restoring) restore(p RecordedPayment, there map[string]paymentMeanwhile) {
	other, isThere := there[p.ID]
	idle := other.Result == Parked || other.Result == Mismatch
	if isThere && !idle {
		if other.claim() != p.claim() {
			r.reused = append(r.reused, p.payment())
		}
		return
	}
	if isThere {
		r.replaced = append(r.replaced, p.ID)
		if other.claim() != p.claim() {
			r.reused = append(r.reused, other.payment())
		}
	}
	r.inserted = append(r.inserted, p.ID, p.OrderID, p.Amount, p.Currency, p.WebhookID, string(Applied), p.ReceivedAt)
}

func (p RecordedPayment) claim() claim {
	return claim{p.ID, p.OrderID, event.Money{Amount: p.Amount, Currency: p.Currency}}
}

func (p RecordedPayment) payment() Payment {
	return Payment{p.ID, p.OrderID, event.Money{Amount: p.Amount, Currency: p.Currency}, p.WebhookID}
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
