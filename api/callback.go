package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"boxoffice/order"
	"boxoffice/payment"
)

// CallbackPath is where payment providers send their callbacks; that of each has its name after a slash.
const CallbackPath = "/v1/payments/callback"

// The results of a callback that brought no payment.
const (
	resultIgnored  = "ignored"
	resultRecorded = "recorded" // it told of refunds
)

// paymentCallback takes what a payment provider reports. The signature is verified over the raw body before the body is
// decoded, and success is answered only once the payment is durable: until then the provider sends it again.
func (h *handler) paymentCallback(c echo.Context) error {
	provider := callbackProvider(c)
	if !h.Payments.Knows(provider) {
		return problemError{kind: notFound}
	}
	raw, err := readBody(c, callbackBytesMax)
	if err != nil {
		h.callbacks.count(provider, err)
		return err
	}
	taken, err := h.Payments.Callback(traced(c), provider, c.Request().Header, raw)
	h.callbacks.count(provider, err)
	if err != nil {
		return err
	}
	if own, ok := taken.Provider.(payment.Acknowledger); ok {
		contentType, body := own.Acknowledgement()
		return c.Blob(http.StatusOK, contentType, []byte(body))
	}
	return answer(c, http.StatusOK, paymentAnswer{Result: callbackResult(taken)})
}

// isProviderCallback tells whether a request comes on the path of a provider that this office has.
func (h *handler) isProviderCallback(c echo.Context) bool {
	return strings.HasPrefix(c.Path(), CallbackPath) && h.Payments.Knows(callbackProvider(c))
}

// callbackProvider is the provider that a callback's path names.
func callbackProvider(c echo.Context) string {
	if name := c.Param("provider"); name != "" {
		return name
	}
	return order.DefaultProvider
}

// callbackResult is the result of a callback in one word: that of its first payment, if it brought any.
func callbackResult(taken payment.Taken) string {
	switch {
	case len(taken.Payments) > 0:
		return string(taken.Payments[0])
	case taken.Refunds > 0:
		return resultRecorded
	default:
		return resultIgnored
	}
}
