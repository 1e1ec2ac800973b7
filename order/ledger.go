package order

import (
	"context"
	"maps"
	"slices"

	"boxoffice/common/db"
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
	orders    map[string]Order
	received  []receivedPayment
	unparked  map[PaymentResult][]string // payment ids
	refunds   []refund
	paid      []string // order ids
	cancelled map[CancelReason][]string
}

func openLedger(ctx context.Context, tx *db.Tx, orderIDs []string) (*ledger, error) {
	orders, err := readOrders(ctx, tx, orderIDs)
	if err != nil {
		return nil, err
	}
	return &ledger{orders: orders, unparked: map[PaymentResult][]string{}, cancelled: map[CancelReason][]string{}}, nil
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

// write ends with the guarded updates of the orders, so that their locks are held only for the commit.
func (l *ledger) write(ctx context.Context, tx *db.Tx, now int64) error {
	if err := insertPayments(ctx, tx, l.received, now); err != nil {
		return err
	}
	for result, ids := range l.unparked {
		if err := unparkPayments(ctx, tx, ids, result); err != nil {
			return err
		}
	}
	if err := insertRefunds(ctx, tx, l.refunds, now); err != nil {
		return err
	}
	if err := settleOrders(ctx, tx, l.paid, Paid, "", now); err != nil {
		return err
	}
	for reason, ids := range l.cancelled {
		if err := settleOrders(ctx, tx, ids, Cancelled, reason, now); err != nil {
			return err
		}
	}
	return nil
}
