package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db"
	"boxoffice/common/failpoint"
)

// CancelPaid cancels a paid order for the office, and returns it: the money that paid it goes back, and its tickets are
// for sale again. It succeeds also when the office has cancelled the order before, and fails with ErrNotPaid for an order
// that is not paid, or with ErrOrderAbsent. It returns only once the message that returns the tickets is stored; after
// ErrUnavailable the order may be cancelled, and AnnounceReturned sends it, as does to repeat it.
func (o *Orders) CancelPaid(ctx context.Context, id string, act audit.Act) (Order, error) {
	orders, err := o.change(ctx, []string{id}, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if c.orders[id].State != Paid {
			return nil
		}
		if err := failIfScreeningArchived(ctx, tx, c.orders[id].ScreeningID); err != nil {
			return err
		}
		if err := c.revokePaid(ctx, tx, []string{id}, CancelByOffice); err != nil {
			return err
		}
		if err := insertReturn(ctx, tx, id, o.now().Add(returnGrace).UnixMilli()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, act, audit.Entry{
			What: "cancel", Subject: id, Before: map[string]any{"state": Paid},
			After: map[string]any{"state": Cancelled, "cancel_reason": CancelByOffice},
		}, o.now())
	})
	if err != nil {
		return Order{}, fmt.Errorf("cancel paid order: %w", err)
	}
	order, exists := orders[id]
	switch {
	case !exists:
		return Order{}, fmt.Errorf("cancel paid order: %w", ErrOrderAbsent)
	case order.CancelReason != CancelByOffice:
		return order, fmt.Errorf("cancel paid order: %w", ErrNotPaid)
	}
	failpoint.Hit("refund.due")
	return order, o.announceReturned(ctx, orders, []string{id})
}

// RefundPart sends a part of what was paid for an order back, and leaves the order paid. The same key is the same refund,
// whose id it returns, also when the order was cancelled meanwhile. It fails with ErrNotPaid, ErrOrderAbsent, ErrRefundTooLarge
// or ErrRefundKeyUsed.
func (o *Orders) RefundPart(ctx context.Context, id, key string, amount int64, act audit.Act) (refundID string, err error) {
	err = o.inTx(ctx, func(tx *db.Tx) (err error) {
		if refundID, err = repeatedPart(ctx, tx, id, key, amount); err != nil || refundID != "" {
			return err
		}
		paidBy, err := paymentOf(ctx, tx, id)
		if err != nil {
			return err
		}
		refundID = refundIDOf(paidBy.ID, key)
		if amount < 1 || amount > paidBy.Amount.Amount-paidBy.refunded {
			return ErrRefundTooLarge
		}
		if err := tx.ExecGuarded(ctx, 1, `UPDATE payments SET refunded = refunded + ?
			WHERE id = ? AND result = 'applied' AND refunded = ?`, amount, paidBy.ID, paidBy.refunded); err != nil {
			return fmt.Errorf("count a refund: %w", err)
		}
		now := o.now()
		if err := insertRefunds(ctx, tx, []refund{{paidBy.Payment, refundID, amount, ByOffice}}, now.UnixMilli()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, act, audit.Entry{
			What: "refund_part", Subject: id, Before: map[string]any{"refunded": paidBy.refunded},
			After: map[string]any{"refunded": paidBy.refunded + amount, "refund_id": refundID},
		}, now)
	})
	if err != nil {
		return "", fmt.Errorf("refund a part: %w", err)
	}
	return refundID, nil
}

// repeatedPart returns the id of the refund that was recorded for an order under this key, or nothing. Whichever payment paid the
// order then, it may have ended since. It fails with ErrRefundKeyUsed when that one was of another amount.
func repeatedPart(ctx context.Context, tx *db.Tx, orderID, key string, amount int64) (refundID string, err error) {
	payments, err := selectPayments(ctx, tx, `order_id IN (?)`, []string{orderID})
	if err != nil {
		return "", err
	}
	ids := make([]string, len(payments))
	for i, p := range payments {
		ids[i] = refundIDOf(p.ID, key)
	}
	recorded, err := db.SelectIn[struct {
		ID     string
		Amount int64
	}](ctx, tx, `SELECT id, amount FROM refunds WHERE id IN (?)`, ids)
	switch {
	case err != nil:
		return "", fmt.Errorf("read refund: %w", err)
	case len(recorded) == 0:
		return "", nil
	case recorded[0].Amount != amount:
		return "", ErrRefundKeyUsed
	}
	return recorded[0].ID, nil
}

// paymentOf reads the payment that paid an order.
func paymentOf(ctx context.Context, tx *db.Tx, id string) (recordedPayment, error) {
	orders, err := readOrders(ctx, tx, []string{id})
	if err != nil {
		return recordedPayment{}, err
	}
	switch order, exists := orders[id]; {
	case !exists:
		return recordedPayment{}, ErrOrderAbsent
	case order.State != Paid:
		return recordedPayment{}, ErrNotPaid
	}
	if err := failIfScreeningArchived(ctx, tx, orders[id].ScreeningID); err != nil {
		return recordedPayment{}, err
	}
	applied, err := appliedPayments(ctx, tx, []string{id})
	switch {
	case err != nil:
	case len(applied) == 0: // the order was cancelled after it was read
		err = db.ErrConflict
	case len(applied) > 1:
		err = fmt.Errorf("payments that have paid order %s: %d, not 1", id, len(applied))
	}
	if err != nil {
		return recordedPayment{}, err
	}
	return applied[0], nil
}

// strandedPage is how many payments RefundStranded reads at once.
const strandedPage = 256

// RefundStranded makes payments refunds that have waited for an order since before the given time, unless keep names their
// orders. It returns how many there were. Money for a cancelled order is WantTickets' concern.
func (o *Orders) RefundStranded(
	ctx context.Context, before time.Time, keep func(ctx context.Context, orderIDs []string) (map[string]bool, error),
) (refunded int, err error) {
	for after := (strandedRow{}); ; {
		var rows []strandedRow
		if err := o.db.Reader().SelectContext(ctx, &rows, `SELECT id, provider, order_id, amount, currency, result, refunded,
			received_at FROM payments WHERE result = 'parked' AND result <> 'applied' AND received_at < ?
			AND (received_at > ? OR received_at = ? AND id > ?) AND order_id NOT IN (SELECT order_id FROM revivals)
			ORDER BY received_at, id LIMIT ?`,
			before.UnixMilli(), after.ReceivedAt, after.ReceivedAt, after.ID, strandedPage); err != nil {
			return refunded, o.unavailable(fmt.Errorf("read payments that bought nothing: %w", err))
		}
		if len(rows) == 0 {
			return refunded, nil
		}
		after = rows[len(rows)-1]
		ids := make([]string, len(rows))
		for i, r := range rows {
			ids[i] = r.OrderID
		}
		kept, err := keep(ctx, ids)
		if err != nil {
			return refunded, err
		}
		for _, r := range rows {
			if kept[r.OrderID] {
				continue
			}
			switch err := o.refundStranded(ctx, r.paymentRow, NoOrder, audit.Act{}); {
			case err == nil:
				refunded++
			case !errors.Is(err, db.ErrConflict): // which says that its order has just come
				return refunded, err
			}
		}
	}
}

// strandedRow is a payment with when it came.
type strandedRow struct {
	paymentRow
	ReceivedAt int64 `db:"received_at"`
}

// RefundParked sends the money of one payment back that waits for its order, or for its order's tickets. It fails with
// ErrPaymentAbsent when no such payment waits.
func (o *Orders) RefundParked(ctx context.Context, paymentID string, act audit.Act) error {
	rows, err := selectPayments(ctx, o.db.Reader(), `result = 'parked' AND result <> 'applied' AND id IN (?)`, []string{paymentID})
	switch {
	case err != nil:
		return o.unavailable(err)
	case len(rows) == 0:
		return fmt.Errorf("refund a parked payment: %w", ErrPaymentAbsent)
	}
	orders, err := o.Find(ctx, rows[0].OrderID)
	if err != nil {
		return err
	}
	reason := NoOrder
	if len(orders) > 0 {
		reason = OrderCancelled
	}
	err = o.refundStranded(ctx, rows[0], reason, act)
	if errors.Is(err, db.ErrConflict) {
		err = fmt.Errorf("refund a parked payment: %w", ErrPaymentAbsent) // it has just been decided
	}
	return err
}

// refundStranded makes one payment a refund, unless it is decided otherwise meanwhile.
func (o *Orders) refundStranded(ctx context.Context, r paymentRow, reason RefundReason, act audit.Act) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		if err := tx.ExecGuarded(ctx, 1, `UPDATE payments SET result = 'refund_due', refunded = amount
			WHERE id = ? AND result = 'parked'`, r.ID); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, act, audit.Entry{
			What: "refund_parked", Subject: r.ID, Before: map[string]any{"result": Parked}, After: map[string]any{"result": RefundDue},
		}, o.now()); err != nil {
			return err
		}
		return insertRefunds(ctx, tx, []refund{refundAll(r.payment(), reason)}, o.now().UnixMilli())
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("refund a payment that bought nothing: %w", err))
	}
	return nil
}
