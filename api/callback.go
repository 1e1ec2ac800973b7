package api

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/order"
)

const resultIgnored = "ignored"

// paymentCallback records a payment that the payment provider reports. The signature is verified over the raw body before
// the body is decoded, and 200 is answered only once the payment is durable: until then the provider sends it again.
func (h *handler) paymentCallback(c echo.Context) error {
	raw, err := readBody(c, callbackBytesMax)
	if err != nil {
		return err
	}
	header := c.Request().Header
	if !h.webhooks.verify(header, raw) {
		return problemError{kind: badSignature}
	}
	var callback paymentEvent
	if err := json.Unmarshal(raw, &callback, jsonSchemaIntegers()); err != nil {
		return problemError{kind: malformed, detail: describeDecodeError(err)}
	}
	if callback.Type != paymentSucceeded {
		return answer(c, http.StatusOK, paymentAnswer{Result: resultIgnored})
	}
	if invalidField := callback.invalidField(); invalidField != "" {
		return problemError{kind: invalid, detail: invalidField}
	}
	result, err := h.Orders.Pay(traced(c), order.Payment{
		ID: callback.Data.PaymentID, OrderID: callback.Data.OrderID,
		Amount:    event.Money{Amount: callback.Data.Amount, Currency: callback.Data.Currency},
		WebhookID: header.Get(headerWebhookID),
	})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, paymentAnswer{Result: string(result)})
}
