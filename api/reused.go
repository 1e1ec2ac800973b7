package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/order"
)

// reusedAnswer is a payment that came with the id of another one.
type reusedAnswer struct {
	PaymentID string      `json:"payment_id"`
	Provider  string      `json:"provider"`
	OrderID   string      `json:"order_id"`
	Amount    event.Money `json:"amount"`
	Since     string      `json:"since"`
}

// listReused answers the payments that came with the id of another one and that nobody has settled, the oldest first. There
// is no next page: who settles these sees more.
func (h *handler) listReused(c echo.Context, _ string) error {
	limit, err := listOfReused.onlyPage(c)
	if err != nil {
		return err
	}
	reused, err := h.Orders.Reused(traced(c), pageLimit(limit))
	if err != nil {
		return err
	}
	page := listAnswer[reusedAnswer]{Items: make([]reusedAnswer, len(reused))}
	for i, p := range reused {
		page.Items[i] = reusedAnswer{p.PaymentID, p.Provider, p.OrderID, p.Amount, formatTime(p.Since)}
	}
	return answer(c, http.StatusOK, page)
}

type settleReusedBody struct {
	OrderID string      `json:"order_id"`
	Amount  event.Money `json:"amount"`
	Note    string      `json:"note"`
}

// settleReused records that a person has cleared up what became of the money of such a payment.
func (h *handler) settleReused(c echo.Context, caller string) error {
	id, err := pathText(c, "id", order.IDMax)
	if err != nil {
		return err
	}
	var body settleReusedBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	act, err := newAct(c, caller, body.Note)
	if err != nil {
		return err
	}
	if !idform.IsVisibleASCII(body.OrderID, order.IDMax) || !idform.IsVisibleASCII(body.Amount.Currency, order.CurrencyMax) {
		return problemError{kind: invalid, detail: "order_id and amount must be those of the payment."}
	}
	if err := h.Orders.SettleReused(traced(c), id, body.OrderID, body.Amount, act); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
