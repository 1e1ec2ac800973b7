package order

import (
	"context"
	"slices"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// A reservation that is not held any more makes no order that can be paid. There is one without an order, or beside an
// order that knows less, after the order database came back from a backup, and when an old message is delivered again.

// cancelReleased ends the orders of tickets that went back, and may be somebody else's by now. Each of them is cancelled,
// also one that is paid, and one that is missing is there from then on as cancelled: so whatever comes for it later,
// a payment or the message that once reserved it, finds it so. All money that came for it goes back.
func (o *Orders) cancelReleased(ctx context.Context, released []event.Order) (map[string]Order, error) {
	return o.change(ctx, orderIDs(released), func(ctx context.Context, tx *db.Tx, l *ledger) error {
		if err := l.create(ctx, tx, missingOrders(released, l.orders)); err != nil {
			return err
		}
		if err := l.revokePaid(ctx, tx); err != nil {
			return err
		}
		for _, order := range l.orders {
			if order.State == PendingPayment {
				l.cancel(order, CancelReleased)
			}
		}
		return l.takeParked(ctx, tx)
	})
}

// paySold brings back the orders of sold tickets for which a payment is parked: it is paid by that payment. Any other
// that is missing stays so, because an order without a payment would be cancelled at its deadline although its tickets are
// paid for; that is for a person to decide.
func (o *Orders) paySold(ctx context.Context, sold []event.Order) (map[string]Order, error) {
	ids := orderIDs(sold)
	return o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, l *ledger) error {
		parked, err := parkedPayments(ctx, tx, ids)
		if err != nil {
			return err
		}
		unpaid := func(order event.Order) bool {
			return !slices.ContainsFunc(parked, func(p Payment) bool { return p.OrderID == order.ID && p.Amount == order.Amount })
		}
		if err := l.create(ctx, tx, slices.DeleteFunc(missingOrders(sold, l.orders), unpaid)); err != nil {
			return err
		}
		return l.takeParked(ctx, tx)
	})
}
