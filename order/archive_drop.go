package order

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boxoffice/common/db"
)

// errOrderPending says that an order is not final yet, and so cannot be archived.
var errOrderPending = errors.New("order is pending, or money waits for its tickets")

// DropRecords deletes archived orders of a screening, the payments that paid them and the attempts to pay, in one transaction, and
// passes over those that are deleted already. It fails, and deletes nothing, when an order is pending, when money waits for its
// tickets, or when its payments are not those of its record.
func (o *Orders) DropRecords(ctx context.Context, screeningID string, epoch int64, records []Record) error {
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		if err := checkEpoch(ctx, tx, screeningID, epoch); err != nil {
			return err
		}
		orderIDs, err := db.SelectIn[string](ctx, tx, `SELECT id FROM orders WHERE id IN (?)`, orderIDsOf(records))
		if err != nil || len(orderIDs) == 0 {
			return err
		}
		if err := lockOrders(ctx, tx, orderIDs); err != nil {
			return err
		}
		waiting, err := db.SelectIn[string](ctx, tx, `SELECT order_id FROM revivals WHERE order_id IN (?)`, orderIDs)
		switch {
		case err != nil:
			return err
		case len(waiting) > 0:
			return errOrderPending
		}
		paidBy := make(map[string][]RecordedPayment, len(records)) // by order id
		for _, r := range records {
			paidBy[r.Order.ID] = r.Payments
		}
		archived := map[paymentIdentity]bool{}
		for _, id := range orderIDs {
			for _, p := range paidBy[id] {
				p.OrderID = id
				archived[p.payment().identity()] = true
			}
		}
		if err := deletePayments(ctx, tx, orderIDs, archived); err != nil {
			return err
		}
		if err := deleteAttempts(ctx, tx, records); err != nil {
			return err
		}
		err = tx.ChangeEach(ctx, `DELETE FROM orders WHERE state <> 'PENDING_PAYMENT' AND screening_id = ? AND id IN (?)`,
			orderIDs, screeningID)
		if errors.Is(err, db.ErrConflict) {
			err = errOrderPending
		}
		return err
	})
	if err != nil {
		return o.unavailable(fmt.Errorf("drop archived orders: %w", err))
	}
	return nil
}

// deletePayments deletes the payments that paid these orders, if they are exactly the archived ones.
func deletePayments(ctx context.Context, tx *db.Tx, orderIDs []string, archived map[paymentIdentity]bool) error {
	applied, err := appliedPayments(ctx, tx, orderIDs)
	if err != nil {
		return err
	}
	for _, p := range applied {
		if p.refunded > 0 { // also if a part went back after the record was written: it stays
			delete(archived, p.identity())
		}
	}
	applied = slices.DeleteFunc(applied, func(p recordedPayment) bool { return p.refunded > 0 })
	for _, p := range applied {
		if !archived[p.identity()] {
			return fmt.Errorf("payment %s of order %s is not in the archive", p.ID, p.OrderID)
		}
	}
	if len(applied) != len(archived) {
		return fmt.Errorf("payments of these orders: %d, and in the archive: %d", len(applied), len(archived))
	}
	return tx.ExecIn(ctx, `DELETE FROM payments WHERE result = 'applied' AND refunded = 0 AND order_id IN (?)`, orderIDs)
}
