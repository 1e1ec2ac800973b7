package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
)

// orderRefundsAnswer lists the refunds of an order, the oldest first.
type orderRefundsAnswer struct {
	Items []orderRefundAnswer `json:"items"`
}

// orderRefundAnswer is a refund as the buyer sees it, without what its provider says to the operators.
type orderRefundAnswer struct {
	Amount    event.Money `json:"amount"`
	Reason    string      `json:"reason"`
	State     string      `json:"state"`
	ChangedAt string      `json:"changed_at"`
}

// listOrderRefunds answers where the money is that goes back to the buyer of an order.
func (h *handler) listOrderRefunds(c echo.Context, caller string) error {
	reservation, err := pathReservation(c, h.Stock, caller)
	if err != nil {
		return err
	}
	refunds, err := h.Payments.RefundsOf(traced(c), reservation.ID)
	if err != nil {
		return err
	}
	list := orderRefundsAnswer{Items: make([]orderRefundAnswer, len(refunds))}
	for i, refund := range refunds {
		list.Items[i] = orderRefundAnswer{refund.Amount, refund.Reason, refund.State, formatTime(refund.ChangedAt)}
	}
	return answer(c, http.StatusOK, list)
}
