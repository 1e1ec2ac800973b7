package webhook

import (
	"errors"

	"boxoffice/payment"
)

// The bodies of the provider's API, which the README describes for those who write one. Each call is a POST of JSON to
// the provider's URL with one of these paths, signed like a callback, and answered with JSON and status 200. A status of
// 401, 403, 408, 425, 429, or 500 and more asks for the same call again later, as does a 2xx or 3xx that is not 200; any other
// 4xx refuses it for good.
const (
	PathPayments      = "/payments"
	PathPaymentsQuery = "/payments/query"
	PathPaymentsClose = "/payments/close"
	PathRefunds       = "/refunds"
	PathRefundsQuery  = "/refunds/query"
)

// StartBody asks for a payment. The same attempt_id again is the same payment.
type StartBody struct {
	AttemptID   string `json:"attempt_id"`
	OrderID     string `json:"order_id"`
	Amount      int64  `json:"amount"` // minor units
	Currency    string `json:"currency"`
	Description string `json:"description"`
	ReturnURL   string `json:"return_url"`
	CallbackURL string `json:"callback_url"`
	ExpiresAt   string `json:"expires_at"` // RFC 3339
}

// StartedBody answers it.
type StartedBody struct {
	Reference string         `json:"reference,omitempty"`
	Action    payment.Action `json:"action"`
}

// AttemptBody asks for an attempt, or for its end. One that the provider does not know is answered as closed.
type AttemptBody struct {
	AttemptID string `json:"attempt_id"`
}

// StatusBody answers it: open, paid or closed, and the payments that were taken.
type StatusBody struct {
	State    string        `json:"state"`
	Payments []PaymentBody `json:"payments,omitempty"`
}

// PaymentBody is a payment that was taken.
type PaymentBody struct {
	PaymentID string `json:"payment_id"`
	OrderID   string `json:"order_id"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
}

// RefundBody asks for a refund. The same key again is the same refund.
type RefundBody struct {
	Key       string `json:"key"`
	PaymentID string `json:"payment_id"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Reason    string `json:"reason"`
}

// RefundQueryBody asks how a refund stands.
type RefundQueryBody struct {
	Key string `json:"key"`
}

// StateUnknown answers a question for a refund that the provider does not have. It takes an answer of the provider itself: a
// proxy on the way, or another server, says 404 too.
const StateUnknown = "unknown"

const refundUnknown = payment.RefundState(StateUnknown)

// RefundStatusBody answers both: pending, done or failed; and a question, StateUnknown.
type RefundStatusBody struct {
	State     string `json:"state"`
	Reference string `json:"reference,omitempty"`
	Detail    string `json:"detail,omitempty"`
}

var errUnknownState = errors.New("unknown state")

func refundState(text string) (payment.RefundState, error) {
	switch state := payment.RefundState(text); state {
	case payment.RefundPending, payment.RefundDone, payment.RefundFailed:
		return state, nil
	default:
		return "", errUnknownState
	}
}
