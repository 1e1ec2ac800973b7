package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/sale"
	"boxoffice/stock"
)

type purchaseBody struct {
	Quantity int64 `json:"quantity"`
}

// purchase sells tickets. It answers 202 once the reservation is durable; a message then creates the order. A
// repeated Idempotency-Key is answered with the order of the first request, in its current state.
func (h *handler) purchase(c echo.Context, caller string) error {
	screening, err := pathID(c)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c.Request().Header)
	if err != nil {
		return err
	}
	if err := h.Seller.Refuse(c.Request().Context(), screening, caller, key); err != nil {
		return err // before the body is read: when a sale is over, nearly every request ends here
	}
	quantity, err := readQuantity(c)
	if err != nil {
		return err
	}
	reservation, err := h.Seller.Purchase(traced(c), sale.Request{
		BuyerID: caller, Key: key, ScreeningID: screening, Quantity: quantity,
	})
	if err != nil {
		return err
	}
	bought := answerFromReservation(reservation, h.Now())
	if reservation.State != stock.Held { // a repeated key, long after: the order's row knows more than the reservation
		if bought, err = currentOrder(traced(c), h.Orders, reservation, h.Now); err != nil {
			return err
		}
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/orders/"+bought.ID)
	return answer(c, http.StatusAccepted, bought)
}

func readQuantity(c echo.Context) (int64, error) {
	var body purchaseBody
	if err := decodeBody(c, &body); err != nil {
		return 0, err
	}
	if body.Quantity < 1 || body.Quantity > sale.QuantityMax {
		return 0, problemError{kind: invalid, detail: fmt.Sprintf("quantity must be from 1 to %d.", sale.QuantityMax)}
	}
	return body.Quantity, nil
}
