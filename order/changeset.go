package order

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/failpoint"
)

// cancelRule says why an order that is still pending at now (Unix milliseconds) is cancelled; empty keeps it pending.
type cancelRule func(order Order, now int64) CancelReason

func whenExpired(order Order, now int64) CancelReason {
	if order.cancelAfter() <= now {
		return CancelUnpaid
	}
	return ""
}

// whenExpiredUnasked leaves an order that is being paid to Timeout, before which its payment provider is asked.
func whenExpiredUnasked(order Order, now int64) CancelReason {
	if order.AskUntil > 0 {
		return ""
	}
	return whenExpired(order, now)
}

func byBuyer(Order, int64) CancelReason { return CancelByBuyer }

func keepPending(Order, int64) CancelReason { return "" }

// advance brings the orders of ids up to date in one transaction, and returns them. It creates those of the reserved
// orders that do not exist yet, applies the parked payments of all of them, and cancels by the rule those that are
// still pending. An id that is neither in the database nor among reserved is absent from the answer.
func (o *Orders) advance(ctx context.Context, ids []string, reserved []event.Order, rule cancelRule) (map[string]Order, error) {
	return o.change(ctx, ids, func(ctx context.Context, tx *db.Tx, c *changeSet) error {
		if err := c.create(ctx, tx, reserved); err != nil {
			return err
		}
		if err := c.applyParked(ctx, tx); err != nil {
			return err
		}
		for _, order := range c.orders {
			if reason := rule(order, c.now); order.State == PendingPayment && reason != "" {
				c.cancel(order, reason)
			}
		}
		return nil
	})
}

// change runs one transaction over the orders of these ids and returns them as it leaves them. decide determines the
// changes.
//
// A payment parks when it finds no order. Under READ COMMITTED a payment and the creation of its order can miss each
// other: the payment's transaction reads no order, the order's transaction reads no payment, and both commit. So each
// side reads again after its own commit (payBatch does it for payments), and the one that commits last finds the other.
// If the process ends between the commit and that read, the next transaction that touches the order finds the payment;
// each order has one at its deadline.
func (o *Orders) change(ctx context.Context, ids []string, decide func(context.Context, *db.Tx, *changeSet) error) (map[string]Order, error) {
	for {
		var c *changeSet
		err := o.inTx(ctx, func(tx *db.Tx) (err error) {
			if c, err = newChangeSet(ctx, tx, ids, o.now()); err != nil {
				return err
			}
			if err := decide(ctx, tx, c); err != nil {
				return err
			}
			err = c.write(ctx, tx)
			failpoint.Hit("order.before-change")
			return err
		})
		if err != nil {
			return nil, err
		}
		failpoint.Hit("order.changed")
		if c.created == 0 {
			return c.orders, nil
		}
		parked, err := parkedPayments(ctx, o.db.Reader(), ids)
		if err != nil || len(parked) == 0 {
			return c.orders, o.unavailable(err)
		}
	}
}

// changeSet is what one transaction changes. It begins with the orders as they were read; its methods decide what
// becomes of them and of their payments; write stores the decisions, or fails with db.ErrConflict when another transaction
// has changed one of the rows since they were read.
type changeSet struct {
	now       int64            // Unix milliseconds
	orders    map[string]Order // by id, as the transaction leaves them
	created   int
	received  []decidedPayment
	unparked  map[PaymentResult][]string // ids of payments that were parked, by their new result
	unapplied []recordedPayment          // that had paid a revoked order
	refunds   []refund
	found     []string                  // ids of orders that payments have paid which were parked
	paid      []string                  // order ids
	cancelled map[CancelReason][]string // order ids
	unpaid    unpaidOrders              // that are cancelled past their deadlines
	revoked   map[CancelReason][]string // ids of orders that were paid and are cancelled
	held      []heldOrder

	heldAgain bool // stock has the tickets of these orders, also of those that are cancelled
	late      lateDecisions
}

// newChangeSet reads the orders of these ids; those that do not exist are absent.
func newChangeSet(ctx context.Context, tx *db.Tx, orderIDs []string, now time.Time) (*changeSet, error) {
	orders, err := readOrders(ctx, tx, orderIDs)
	if err != nil {
		return nil, err
	}
	return &changeSet{
		now: now.UnixMilli(), orders: orders,
		unparked: map[PaymentResult][]string{}, cancelled: map[CancelReason][]string{}, revoked: map[CancelReason][]string{},
	}, nil
}

// create inserts, as pending, those of the reserved orders that do not exist yet.
func (c *changeSet) create(ctx context.Context, tx *db.Tx, reserved []event.Order) error {
	missing := missingOrders(reserved, c.orders)
	if err := insertOrders(ctx, tx, missing, c.now); err != nil {
		return err
	}
	for _, order := range missing {
		c.orders[order.ID] = Order{Order: order, State: PendingPayment}
	}
	c.created += len(missing)
	return nil
}

// missingOrders are those of the reserved orders that are not among existing, without repetitions. They are sorted by
// id, so that two transactions that create the same orders wait for each other and do not deadlock.
func missingOrders(reserved []event.Order, existing map[string]Order) []event.Order {
	var missing []event.Order
	for _, order := range reserved {
		if _, exists := existing[order.ID]; !exists {
			missing = append(missing, order)
		}
	}
	slices.SortFunc(missing, func(a, b event.Order) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(missing, func(a, b event.Order) bool { return a.ID == b.ID })
}

func orderIDs(orders []event.Order) []string {
	ids := make([]string, len(orders))
	for i, order := range orders {
		ids[i] = order.ID
	}
	return ids
}

// applyParked decides the payments that came before their orders, the oldest first.
func (c *changeSet) applyParked(ctx context.Context, tx *db.Tx) error {
	parked, err := parkedPayments(ctx, tx, slices.Collect(maps.Keys(c.orders)))
	if err != nil {
		return err
	}
	for _, p := range parked {
		result := c.decide(p)
		if result != Parked {
			c.unparked[result] = append(c.unparked[result], p.ID)
		}
		if result == Applied {
			c.found = append(c.found, p.OrderID)
		}
	}
	return nil
}

// receive decides a payment that has not been recorded before.
func (c *changeSet) receive(p Payment) PaymentResult {
	result := c.decide(p)
	c.received = append(c.received, decidedPayment{p, result})
	return result
}

// decide determines, by the state of its order, what a payment does. The deadline does not matter: an order can be paid
// until it is cancelled.
func (c *changeSet) decide(p Payment) PaymentResult {
	order, exists := c.orders[p.OrderID]
	switch {
	case !exists:
		return Parked
	case p.Amount != order.Amount:
		c.refunds = append(c.refunds, refundAll(p, WrongAmount))
		return Mismatch
	case order.mayRevive() && c.heldAgain:
		order.State, order.CancelReason = Paid, ""
		c.orders[order.ID] = order
		c.late.revived = append(c.late.revived, order.ID)
		return Applied
	case order.mayRevive():
		c.late.waiting = append(c.late.waiting, order.ID)
		return Parked
	case order.State == Cancelled:
		c.refunds = append(c.refunds, refundAll(p, OrderCancelled))
		return RefundDue
	case order.State == Paid:
		c.refunds = append(c.refunds, refundAll(p, AlreadyPaid))
		return RefundDue
	}
	order.State = Paid
	c.orders[order.ID] = order
	c.paid = append(c.paid, order.ID)
	return Applied
}

// cancel cancels a pending order.
func (c *changeSet) cancel(order Order, reason CancelReason) {
	if reason == CancelUnpaid {
		c.unpaid.add(order)
	} else {
		c.cancelled[reason] = append(c.cancelled[reason], order.ID)
	}
	order.State, order.CancelReason = Cancelled, reason
	c.orders[order.ID] = order
}

// revokePaid cancels those of the orders that are paid, and makes what is left of the money that paid them a refund.
func (c *changeSet) revokePaid(ctx context.Context, tx *db.Tx, ids []string, reason CancelReason) error {
	var revoked []string
	for _, id := range ids {
		if order := c.orders[id]; order.State == Paid {
			order.State, order.CancelReason = Cancelled, reason
			c.orders[id] = order
			revoked = append(revoked, id)
		}
	}
	c.revoked[reason] = append(c.revoked[reason], revoked...)
	applied, err := appliedPayments(ctx, tx, revoked)
	if err != nil {
		return err
	}
	for _, p := range applied {
		c.unapplied = append(c.unapplied, p)
		if left := p.Amount.Amount - p.refunded; left > 0 {
			r := refundAll(p.Payment, OrderCancelled)
			r.amount = left
			c.refunds = append(c.refunds, r)
		}
	}
	return nil
}

// write stores the decisions. The updates of the orders come last, so that their rows are locked only until the commit.
func (c *changeSet) write(ctx context.Context, tx *db.Tx) error {
	if err := insertPayments(ctx, tx, c.received, c.now); err != nil {
		return err
	}
	for result, ids := range c.unparked {
		if err := changeResults(ctx, tx, ids, Parked, result); err != nil {
			return err
		}
	}
	if err := unapply(ctx, tx, c.unapplied); err != nil {
		return err
	}
	if err := insertRefunds(ctx, tx, c.refunds, c.now); err != nil {
		return err
	}
	if err := c.late.write(ctx, tx, c.now); err != nil {
		return err
	}
	if err := settleOrders(ctx, tx, c.paid, PendingPayment, Paid, "", c.now); err != nil {
		return err
	}
	if err := EndAttempts(ctx, tx, append(paidAttempts(c.received), c.found...), c.now); err != nil {
		return err
	}
	if err := c.unpaid.cancel(ctx, tx, c.now); err != nil {
		return err
	}
	for reason, ids := range c.cancelled {
		if err := settleOrders(ctx, tx, ids, PendingPayment, Cancelled, reason, c.now); err != nil {
			return err
		}
	}
	for reason, ids := range c.revoked {
		if err := settleOrders(ctx, tx, ids, Paid, Cancelled, reason, c.now); err != nil {
			return err
		}
	}
	return holdOrders(ctx, tx, c.held)
}

// lock keeps the orders as they are until the commit, and reads them again.
func (c *changeSet) lock(ctx context.Context, tx *db.Tx, ids []string) (err error) {
	if err := lockOrders(ctx, tx, ids); err != nil {
		return err
	}
	c.orders, err = readOrders(ctx, tx, ids)
	return err
}

// endLate decides what becomes of further money for locked orders.
func (c *changeSet) endLate(ctx context.Context, tx *db.Tx, ids []string, to event.LatePayment) error {
	for _, id := range ids {
		order, from := c.orders[id], c.orders[id].LatePayment
		if from != to {
			order.LatePayment = to
			c.orders[id] = order
			c.late.ended = append(c.late.ended, lateChange{id, from, to})
		}
	}
	return dropRevivals(ctx, tx, ids)
}
