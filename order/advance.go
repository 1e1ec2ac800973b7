package order

import (
	"cmp"
	"context"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// cancelRule says why an order that is still pending at now (Unix milliseconds) is to be cancelled; empty keeps it.
type cancelRule func(order Order, now int64) CancelReason

func whenExpired(order Order, now int64) CancelReason {
	if order.ExpiresAt <= now {
		return CancelUnpaid
	}
	return ""
}

func byBuyer(Order, int64) CancelReason { return CancelByBuyer }

func keepPending(Order, int64) CancelReason { return "" }

// advance brings the orders to where they have to be by now and returns them; ids that are in no row and not in
// reserved are absent. One transaction creates those of reserved that are missing, applies the parked payments of all
// of them, and cancels by rule what is still pending.
func (o *Orders) advance(ctx context.Context, ids []string, reserved []event.Order, rule cancelRule) (map[string]Order, error) {
	return o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, l *ledger) error {
		if err := l.create(ctx, tx, missingOrders(reserved, l.orders)); err != nil {
			return err
		}
		if err := l.takeParked(ctx, tx); err != nil {
			return err
		}
		for _, order := range l.orders {
			if reason := rule(order, l.now); order.State == PendingPayment && reason != "" {
				l.cancel(order, reason)
			}
		}
		return nil
	})
}

// change runs one transaction over the orders of these ids and returns them as it leaves them: decide says in the
// ledger what becomes of each.
//
// A payment parks when it finds no order, and under READ COMMITTED neither side need see the other: the payment's
// transaction reads no order, the order's reads no payment, and both commit. So each side looks again after its own
// commit (payList does the same), and the one that commits last finds the other. Should the process stop between
// commit and look, the next transaction that touches the order finds the payment, and each order gets one at its
// deadline.
func (o *Orders) change(ctx context.Context, ids []string, decide func(context.Context, *db.Tx, *ledger) error) (map[string]Order, error) {
	for {
		var l *ledger
		err := o.inTx(ctx, func(tx *db.Tx) (err error) {
			if l, err = openLedger(ctx, tx, ids, o.now()); err != nil {
				return err
			}
			if err := decide(ctx, tx, l); err != nil {
				return err
			}
			return l.write(ctx, tx)
		})
		if err != nil {
			return nil, err
		}
		if l.created == 0 {
			return l.orders, nil
		}
		parked, err := parkedPayments(ctx, o.db.Reader(), ids)
		if err != nil || len(parked) == 0 {
			return l.orders, o.unavailable(err)
		}
	}
}

// missingOrders sorts by id, so that two transactions that create the same orders wait for each other and do not
// deadlock, and drops what is listed twice.
func missingOrders(reserved []event.Order, have map[string]Order) []event.Order {
	var missing []event.Order
	for _, order := range reserved {
		if _, exists := have[order.ID]; !exists {
			missing = append(missing, order)
		}
	}
	slices.SortFunc(missing, func(a, b event.Order) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(missing, func(a, b event.Order) bool { return a.ID == b.ID })
}
