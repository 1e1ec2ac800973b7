package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/sale"
	"boxoffice/stock"
)

const (
	headerIdempotencyKey = "Idempotency-Key"
	answerBytes          = 512 // enough for an order, so that its encoding allocates once
)

type purchaseBody struct {
	Quantity int64 `json:"quantity"`
}

// purchase is step 1: it answers 202 once the reservation is durable, and the order follows by message. A repeated key
// answers with the order that the first request made, wherever it stands.
func (o *office) purchase(c echo.Context, caller string) error {
	screening, err := pathID(c)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c.Request().Header)
	if err != nil {
		return err
	}
	if err := o.Seller.Refuse(c.Request().Context(), screening, caller, key); err != nil {
		return err // before the body is read: when a sale is over, this is nearly every request
	}
	quantity, err := readPurchase(c)
	if err != nil {
		return err
	}
	reservation, err := o.Seller.Purchase(traced(c), sale.Request{
		BuyerID: caller, Key: key, ScreeningID: screening, Quantity: quantity,
	})
	if err != nil {
		return err
	}
	view := viewOf(reservation, nil)
	if reservation.State != stock.Held { // only a repeated key meets a settled reservation
		if view, err = o.overlay(c, reservation); err != nil {
			return err
		}
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/orders/"+view.ID)
	return answer(c, http.StatusAccepted, appendOrder(make([]byte, 0, answerBytes), view, o.Now()))
}

func readPurchase(c echo.Context) (quantity int64, err error) {
	var body purchaseBody
	if err := decodeBody(c, &body); err != nil {
		return 0, err
	}
	if body.Quantity < 1 || body.Quantity > sale.QuantityMax {
		return 0, refusal{kind: invalid, detail: fmt.Sprintf("quantity must be from 1 to %d.", sale.QuantityMax)}
	}
	return body.Quantity, nil
}

// idempotencyKey returns the header as it came: 1 to 255 printable ASCII characters.
func idempotencyKey(header http.Header) (string, error) {
	values := header[headerIdempotencyKey]
	if len(values) == 0 || values[0] == "" {
		return "", refusal{kind: keyMissing}
	}
	if len(values) > 1 || len(values[0]) > sale.KeyMax || !printableASCII(values[0]) {
		return "", refusal{kind: malformed,
			detail: fmt.Sprintf("Idempotency-Key must be one value of 1 to %d printable ASCII characters.", sale.KeyMax)}
	}
	return values[0], nil
}
