package order

import (
	"context"
	"maps"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// refundReason says why money goes back.
type refundReason string

const (
	orderCancelled refundReason = "order_cancelled"
	alreadyPaid    refundReason = "already_paid"
)

type refund struct {
	Payment
	reason refundReason
}

type receivedPayment struct {
	Payment
	result PaymentResult
}

// ledger is one transaction's work: the orders as it leaves them, and what is to be written for that. Decisions are
// taken on what was read, and write makes them true or fails with errRaced.
type ledger struct {
	now       int64 // Unix milliseconds
	orders    map[string]Order
	created   int
	received  []receivedPayment
	unparked  map[PaymentResult][]string // payment ids
	unapplied []string                   // payment ids
	refunds   []refund
	paid      []string // order ids
	cancelled map[CancelReason][]string
	revoked   []string // ids of orders that were paid
}

func openLedger(ctx context.Context, tx *db.Tx, orderIDs []string, now time.Time) (*ledger, error) {
	orders, err := readOrders(ctx, tx, orderIDs)
	if err != nil {
		return nil, err
	}
	return &ledger{
		now: now.UnixMilli(), orders: orders,
		unparked: map[PaymentResult][]string{}, cancelled: map[CancelReason][]string{},
	}, nil
}

// create inserts orders that were not among those read, as pending.
func (l *ledger) create(ctx context.Context, tx *db.Tx, missing []event.Order) error {
	if err := insertOrders(ctx, tx, missing); err != nil {
		return err
	}
	for _, order := range missing {
		l.orders[order.ID] = Order{Order: order, State: PendingPayment}
	}
	l.created += len(missing)
	return nil
}

// takeParked decides the payments that came before their orders, the oldest first.
func (l *ledger) takeParked(ctx context.Context, tx *db.Tx) error {
	parked, err := parkedPayments(ctx, tx, slices.Collect(maps.Keys(l.orders)))
	if err != nil {
		return err
	}
	for _, p := range parked {
		result := l.decide(p)
		l.unparked[result] = append(l.unparked[result], p.ID)
	}
	return nil
}

// receive decides a payment that was never seen before.
func (l *ledger) receive(p Payment) PaymentResult {
	result := l.decide(p)
	l.received = append(l.received, receivedPayment{p, result})
	return result
}

// decide is the one rule of what money does, by where its order stands. Expiry has no say: until the order is
// cancelled, it can be paid.
func (l *ledger) decide(p Payment) PaymentResult {
	order, exists := l.orders[p.OrderID]
	switch {
	case !exists:
		return Parked
	case p.Amount != order.Amount:
		return Mismatch
	case order.State == Cancelled:
		l.refunds = append(l.refunds, refund{p, orderCancelled})
		return RefundDue
	case order.State == Paid:
		l.refunds = append(l.refunds, refund{p, alreadyPaid})
		return RefundDue
	}
	order.State = Paid
	l.orders[order.ID] = order
	l.paid = append(l.paid, order.ID)
	return Applied
}

func (l *ledger) cancel(order Order, reason CancelReason) {
	order.State, order.CancelReason = Cancelled, reason
	l.orders[order.ID] = order
	l.cancelled[reason] = append(l.cancelled[reason], order.ID)
}

// revokePaid cancels the paid ones of the orders, and the money that paid them goes back.
func (l *ledger) revokePaid(ctx context.Context, tx *db.Tx) error {
	for id, order := range l.orders {
		if order.State == Paid {
			order.State, order.CancelReason = Cancelled, CancelReleased
			l.orders[id] = order
			l.revoked = append(l.revoked, id)
		}
	}
	applied, err := appliedPayments(ctx, tx, l.revoked)
	if err != nil {
		return err
	}
	for _, p := range applied {
		l.unapplied = append(l.unapplied, p.ID)
		l.refunds = append(l.refunds, refund{p, orderCancelled})
	}
	return nil
}

// write ends with the guarded updates of the orders, so that their locks are held only for the commit.
func (l *ledger) write(ctx context.Context, tx *db.Tx) error {
	if err := insertPayments(ctx, tx, l.received, l.now); err != nil {
		return err
	}
	for result, ids := range l.unparked {
		if err := movePayments(ctx, tx, ids, Parked, result); err != nil {
			return err
		}
	}
	if err := movePayments(ctx, tx, l.unapplied, Applied, RefundDue); err != nil {
		return err
	}
	if err := insertRefunds(ctx, tx, l.refunds, l.now); err != nil {
		return err
	}
	if err := settleOrders(ctx, tx, l.paid, PendingPayment, Paid, "", l.now); err != nil {
		return err
	}
	for reason, ids := range l.cancelled {
		if err := settleOrders(ctx, tx, ids, PendingPayment, Cancelled, reason, l.now); err != nil {
			return err
		}
	}
	return settleOrders(ctx, tx, l.revoked, Paid, Cancelled, CancelReleased, l.now)
}
