// Package order owns orders, payments and refunds. The row of an order alone decides whether it is paid or cancelled.
package order

import (
	"errors"
	"time"

	"boxoffice/common/event"
)

// What a change of an order can be refused for.
var (
	ErrAlreadyPaid    = errors.New("order is already paid")
	ErrOrderAbsent    = errors.New("there is no such order")
	ErrNotPayable     = errors.New("order is cancelled, or the time to pay it is over")
	ErrNotPaid        = errors.New("order is not paid")
	ErrPaymentAbsent  = errors.New("there is no such payment")
	ErrArchived       = errors.New("the orders of the screening are on their way into the archive, or back")
	ErrRefundKeyUsed  = errors.New("the key was used for a refund of another amount")
	ErrRefundTooLarge = errors.New("refund is more than what is left of the payment")
	ErrInvalidPayment = errors.New("payment cannot be recorded: its amount is not above 0, or an id or the currency is missing, " +
		"too long or not visible ASCII")
	ErrBusy        = errors.New("too many payments in flight, or other transactions kept changing the same rows")
	ErrUnavailable = errors.New("message queue or database is away")
)

// State is the state of an order.
type State string

// The states of an order. It leaves PendingPayment once, for Paid or Cancelled. A paid order is cancelled only when
// stock says that its tickets were released, see cancelReleased, or by the office, see CancelPaid and CancelForScreening.
// One that was cancelled as unpaid is paid late only once stock holds its tickets again, see payRevived.
const (
	PendingPayment State = "PENDING_PAYMENT"
	Paid           State = "PAID"
	Cancelled      State = "CANCELLED"
)

// CancelReason says why an order was cancelled; empty for an order that was not.
type CancelReason string

// The reasons why an order is cancelled.
const (
	CancelUnpaid   CancelReason = "unpaid"
	CancelByBuyer  CancelReason = "buyer"
	CancelReleased CancelReason = "released" // its tickets are no longer held, and may be somebody else's
	CancelByOffice CancelReason = "office"   // also if it was paid: its money goes back, and its tickets are available again
)

// Order is an order with its state.
type Order struct {
	event.Order
	State        State
	CancelReason CancelReason
	AskUntil     int64 // Unix milliseconds; until then its payment provider is asked before it is cancelled as unpaid
	Extended     bool  // its deadline has been extended, which happens once
	Looks        int   // how often payment-due was sent on for it
}

// cancelAfter is when the order is cancelled if it is unpaid, in Unix milliseconds.
func (o Order) cancelAfter() int64 { return max(o.ExpiresAt, o.AskUntil) }

// askPause is how often the payment provider of an order past its deadline is asked, while it does not answer.
const askPause = 10 * time.Second

// nextLook is when a pending order is to be looked at again, in Unix milliseconds: at its deadline, and after that every
// askPause until it is cancelled.
func (o Order) nextLook(now time.Time) int64 {
	if !o.IsDue(now.UnixMilli()) {
		return o.ExpiresAt
	}
	return min(o.cancelAfter(), now.Add(askPause).UnixMilli())
}

// mayRevive tells whether money that comes for the order waits until stock says whether its tickets are still there.
func (o Order) mayRevive() bool {
	return o.State == Cancelled && o.CancelReason == CancelUnpaid && o.LatePayment == event.LateRevive
}

// IsFinal tells whether the order stays as its buyer sees it for ever. One that is paid can still be cancelled by the office.
func (o Order) IsFinal() bool { return o.State == Cancelled && !o.mayRevive() }

// outcome is the final state that stock is told; empty while the order is pending.
func (o Order) outcome() event.Outcome {
	switch {
	case o.State == Paid:
		return event.Paid
	case o.State == Cancelled && o.CancelReason == CancelByOffice:
		return event.Returned
	case o.State == Cancelled && o.LatePayment == event.LateRevived:
		return event.Declined
	case o.State == Cancelled:
		return event.Cancelled
	default:
		return ""
	}
}

// Payment is money that a payment provider says it has taken, in a way that has been verified.
type Payment struct {
	ID        string // unique among those of all providers
	Provider  string // its name; empty stands for DefaultProvider
	OrderID   string
	Amount    event.Money
	WebhookID string // of the delivery or the answer that brought it, for the record

	Started bool // at this office: when it pays its order, the attempts to pay that are still open are to be closed
}

// DefaultProvider is the name of the payment provider that needs none: a shop's own, which sends Standard Webhooks.
const DefaultProvider = "webhook"

// paymentIdentity is what all deliveries of one payment have in common.
type paymentIdentity struct {
	ID, OrderID string
	Amount      event.Money
}

func (p Payment) identity() paymentIdentity { return paymentIdentity{p.ID, p.OrderID, p.Amount} }

// PaymentResult says what a payment did.
type PaymentResult string

// The results of a payment. All but Duplicate are recorded with it.
const (
	Applied   PaymentResult = "applied"    // the order is paid
	Duplicate PaymentResult = "duplicate"  // this payment was recorded before
	Parked    PaymentResult = "parked"     // no such order yet, or stock is asked for its tickets: it waits for that
	RefundDue PaymentResult = "refund_due" // the order was cancelled or paid already: the money goes back
	Mismatch  PaymentResult = "mismatch"   // amount or currency differ from the order's: the money goes back
)
