package api

import (
	"boxoffice/common/event"
	"boxoffice/payment"
)

// refundAnswer is a refund as operators see it.
type refundAnswer struct {
	ID        string      `json:"id"`
	PaymentID string      `json:"payment_id"`
	OrderID   string      `json:"order_id"`
	Provider  string      `json:"provider"`
	Amount    event.Money `json:"amount"`
	Reason    string      `json:"reason"`
	State     string      `json:"state"`
	Tries     int         `json:"tries"`
	Detail    *string     `json:"detail"` // of its last failure
	CreatedAt string      `json:"created_at"`
	ChangedAt string      `json:"changed_at"`
}

func newRefundAnswer(r payment.RefundInfo) refundAnswer {
	return refundAnswer{
		ID: r.ID, PaymentID: r.PaymentID, OrderID: r.OrderID, Provider: r.Provider, Amount: r.Amount, Reason: r.Reason,
		State: r.State, Tries: r.Tries, Detail: nullIfEmpty(r.Detail),
		CreatedAt: formatTime(r.CreatedAt), ChangedAt: formatTime(r.ChangedAt),
	}
}
