// Package order owns orders, payments and refunds. The row of an order alone decides whether it is paid or cancelled.
package order

import (
	"errors"

	"boxoffice/common/event"
)

// What a change of an order can be refused for.
var (
	ErrAlreadyPaid    = errors.New("order is already paid")
	ErrOrderAbsent    = errors.New("there is no such order")
	ErrInvalidPayment = errors.New("payment cannot be recorded: an id or the currency is missing, too long or not visible ASCII")
	ErrBusy           = errors.New("too many payments in flight, or other transactions kept changing the same rows")
	ErrUnavailable    = errors.New("database is away")
)

// State is the state of an order.
type State string

// The states of an order. It leaves PendingPayment once, for Paid or Cancelled. A paid order is cancelled only when
// stock says that its tickets were released, see cancelReleased.
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
)

// Order is an order with its state.
type Order struct {
	event.Order
	State        State
	CancelReason CancelReason
}

// outcome is the final state that stock is told; empty while the order is pending.
func (o Order) outcome() event.Outcome {
	switch o.State {
	case Paid:
		return event.Paid
	case Cancelled:
		return event.Cancelled
	default:
		return ""
	}
}

// Payment is a callback of the payment provider whose signature has been verified.
type Payment struct {
	ID        string // the provider's payment id, unique
	OrderID   string
	Amount    event.Money
	WebhookID string // of the delivery that brought it, for the record
}

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
	Parked    PaymentResult = "parked"     // no such order yet: applied when it is created
	RefundDue PaymentResult = "refund_due" // the order was cancelled or paid already: the money goes back
	Mismatch  PaymentResult = "mismatch"   // amount or currency differ from the order's: never pays it
)
