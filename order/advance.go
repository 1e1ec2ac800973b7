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
//
// A payment parks when it finds no order, and under READ COMMITTED neither side need see the other: the payment's
// transaction reads no order, the order's reads no payment, and both commit. So each side looks again after its own
// commit (payList does the same), and the one that commits last finds the other. Should the process stop between
// commit and look, the next transaction that touches the order finds the payment, and each order gets one at its
// deadline.
func (o *Orders) advance(ctx context.Context, ids []string, reserved []event.Order, rule cancelRule) (map[string]Order, error) {
	for {
		orders, created, err := o.advanceOnce(ctx, ids, reserved, rule)
		if err != nil || created == 0 {
			return orders, err
		}
		parked, err := parkedPayments(ctx, o.db.Reader(), ids)
		if err != nil || len(parked) == 0 {
			return orders, o.unavailable(err)
		}
	}
}

func (o *Orders) advanceOnce(ctx context.Context, ids []string, reserved []event.Order, rule cancelRule) (orders map[string]Order, created int, err error) {
	err = o.inTx(ctx, func(tx *db.Tx) error {
		now := o.now().UnixMilli()
		l, err := openLedger(ctx, tx, ids)
		if err != nil {
			return err
		}
		missing := missingOrders(reserved, l.orders)
		if err := insertOrders(ctx, tx, missing); err != nil {
			return err
		}
		for _, order := range missing {
			l.orders[order.ID] = Order{Order: order, State: PendingPayment}
		}
		if err := l.takeParked(ctx, tx); err != nil {
			return err
		}
		for _, order := range l.orders {
			if reason := rule(order, now); order.State == PendingPayment && reason != "" {
				l.cancel(order, reason)
			}
		}
		orders, created = l.orders, len(missing)
		return l.write(ctx, tx, now)
	})
	if err != nil {
		return nil, 0, err
	}
	return orders, created, nil
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
