package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/sale"
	"boxoffice/stock"
)

type purchaseBody struct {
	Quantity int64 `json:"quantity"`
}

// orderBeforeTimeout bounds the look at the order of a repeated purchase.
const orderBeforeTimeout = 2 * time.Second

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
	bought, err := h.Seller.Purchase(traced(c), sale.Request{
		BuyerID: caller, Key: key, ScreeningID: screening, Quantity: quantity,
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/orders/"+bought.ID)
	if !bought.Before { // its order does not exist yet
		return answer(c, http.StatusAccepted, answerFromReservation(bought.Reservation, h.Now()))
	}
	found, err := h.orderBefore(traced(c), bought.Reservation)
	if err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, found)
}

// orderBefore answers where the order of an earlier request stands: its row knows more than the reservation, which follows
// it later. While the order service is away, who repeats a purchase is still told that the tickets are held.
func (h *handler) orderBefore(ctx context.Context, r stock.Reservation) (orderAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, orderBeforeTimeout)
	defer cancel()
	found, err := currentOrder(ctx, h.Orders, r, h.Now)
	if err != nil && r.State == stock.Held {
		return answerFromReservation(r, h.Now()), nil
	}
	return found, err
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
