package webhook

import (
	"fmt"

	"boxoffice/common/idform"
	"boxoffice/common/strictjson"
	"boxoffice/order"
)

// The types of events. Those that are not here are taken and ignored.
const (
	PaymentSucceeded = "payment.succeeded"
	PaymentClosed    = "payment.closed"
	RefundUpdated    = "refund.updated"
)

// Event is the body of a callback. Its fields are read only if its type is known. Those that are not here are ignored,
// since providers add some; those that are here are decoded by their exact names, each at most once, because a signature
// does not tell which of two amounts was meant.
type Event struct {
	Type string    `json:"type"`
	Data EventData `json:"data"`
}

// EventData is what an event says; which fields are set depends on its type.
type EventData struct {
	PaymentID string `json:"payment_id,omitempty"`
	OrderID   string `json:"order_id,omitempty"`
	AttemptID string `json:"attempt_id,omitempty"`
	Amount    int64  `json:"amount,omitempty"`
	Currency  string `json:"currency,omitempty"`

	Key       string `json:"key,omitempty"`       // of a refund
	State     string `json:"state,omitempty"`     // of a refund: pending, done or failed
	Reference string `json:"reference,omitempty"` // of a refund at the provider
	Detail    string `json:"detail,omitempty"`    // why a refund failed
}

// readEvent reads the body of a callback. That of a type which is not known may look like anything: its data is passed over, and
// looked at a second time only if it could not be read.
func readEvent(body []byte) (Event, error) {
	var e Event
	err := strictjson.UnmarshalKnown(body, &e)
	if err != nil {
		var kind struct {
			Type string `json:"type"`
		}
		if err := strictjson.UnmarshalKnown(body, &kind); err != nil {
			return Event{}, err
		}
		e = Event{Type: kind.Type}
	}
	switch e.Type {
	case PaymentSucceeded, PaymentClosed, RefundUpdated:
		return e, err
	}
	return Event{}, nil
}

// invalid says which value of an event cannot be taken, or "".
func (e Event) invalid() string {
	switch e.Type {
	case PaymentSucceeded:
		return e.Data.invalidPayment()
	case RefundUpdated:
		if _, err := refundState(e.Data.State); err != nil {
			return "data.state must be pending, done or failed."
		}
	}
	return ""
}

// invalidPayment says which value of a payment cannot be stored, or "". An amount or a currency that is merely not the
// order's is valid: money has moved, and must be recorded.
func (d EventData) invalidPayment() string {
	switch {
	case d.PaymentID == "", !idform.IsVisibleASCII(order.RecordID(order.DefaultProvider, d.PaymentID), order.IDMax):
		return fmt.Sprintf("data.payment_id must have 1 to %d visible ASCII characters, or %d where one is a colon.",
			order.IDMax, order.IDMax-len(order.DefaultProvider+":"))
	case !idform.IsVisibleASCII(d.OrderID, order.IDMax):
		return fmt.Sprintf("data.order_id must have 1 to %d visible ASCII characters.", order.IDMax)
	case !idform.IsVisibleASCII(d.Currency, order.CurrencyMax):
		return fmt.Sprintf("data.currency must have 1 to %d visible ASCII characters.", order.CurrencyMax)
	case d.Amount < 1:
		return "data.amount must be 1 or more minor units."
	}
	return ""
}
