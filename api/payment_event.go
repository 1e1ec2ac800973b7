package api

import (
	"fmt"

	"boxoffice/order"
)

const paymentSucceeded = "payment.succeeded"

// paymentEvent is the body of a payment callback. Fields that are not here are ignored, since providers add some; those
// that are here are decoded by their exact names, each at most once, because a signature does not tell which of two
// amounts was meant.
type paymentEvent struct {
	Type string `json:"type"`
	Data struct {
		PaymentID string `json:"payment_id"`
		OrderID   string `json:"order_id"`
		Amount    int64  `json:"amount"`
		Currency  string `json:"currency"`
	} `json:"data"`
}

// paymentAnswer is the answer to a payment callback: what came of the payment.
type paymentAnswer struct {
	Result string `json:"result"`
}

// invalidField says which value cannot be stored, or "". An amount or a currency that is merely not the order's is valid:
// money has moved, and must be recorded.
func (p *paymentEvent) invalidField() string {
	switch {
	case !order.IsVisibleASCII(p.Data.PaymentID, order.IDMax):
		return fmt.Sprintf("data.payment_id must have 1 to %d visible ASCII characters.", order.IDMax)
	case !order.IsVisibleASCII(p.Data.OrderID, order.IDMax):
		return fmt.Sprintf("data.order_id must have 1 to %d visible ASCII characters.", order.IDMax)
	case !order.IsVisibleASCII(p.Data.Currency, order.CurrencyMax):
		return fmt.Sprintf("data.currency must have 1 to %d visible ASCII characters.", order.CurrencyMax)
	case p.Data.Amount < 1:
		return "data.amount must be 1 or more minor units."
	}
	return ""
}
