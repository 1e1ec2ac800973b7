package order

import (
	"context"
	"errors"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// plainAmounts is how many different amounts a plain list may have: each costs a statement, and beyond a few of them
// reading the orders costs less.
const plainAmounts = 8

// errNotPlain says that more than an insert and a guarded update is needed.
var errNotPlain = errors.New("a parked payment comes first")

// isPlain tells a list in which no payment has to do with another.
func isPlain(payments []Payment) bool {
	ids, orderIDs := make(map[string]bool, len(payments)), make(map[string]bool, len(payments))
	amounts := map[event.Money]bool{}
	for _, p := range payments {
		ids[p.ID], orderIDs[p.OrderID], amounts[p.Amount] = true, true, true
	}
	return len(ids) == len(payments) && len(orderIDs) == len(payments) && len(amounts) <= plainAmounts
}

// receivePlain takes it that every payment is new and pays its order, and lets the database say otherwise: it reads
// neither orders nor payments, and nearly every list goes through it. With errNotPlain, errRaced or a duplicate key
// nothing has happened, and the list is to be decided payment by payment.
func (o *Orders) receivePlain(ctx context.Context, payments []Payment) error {
	applied, orderIDs := make([]receivedPayment, len(payments)), make([]string, len(payments))
	for i, p := range payments {
		applied[i], orderIDs[i] = receivedPayment{p, Applied}, p.OrderID
	}
	err := o.db.InTx(ctx, func(tx *db.Tx) error {
		parked, err := parkedPayments(ctx, tx, orderIDs)
		if err != nil {
			return err
		}
		if len(parked) > 0 {
			return errNotPlain
		}
		now := o.now().UnixMilli()
		if err := insertPayments(ctx, tx, applied, now); err != nil {
			return err
		}
		return payOrders(ctx, tx, payments, now)
	})
	if err != nil {
		return err
	}
	for _, id := range orderIDs {
		o.settled.offer(event.SettledOrder{OrderID: id, Outcome: event.Paid})
	}
	return nil
}
