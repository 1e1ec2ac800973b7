package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/order"
)

const (
	paymentSucceeded = "payment.succeeded"
	resultIgnored    = "ignored"
)

// paymentEvent is what the payment provider sends. It may hold more than this: providers add fields. What is here is
// read by its exact name, and no name may stand twice: a signature does not tell which of two amounts was meant.
type paymentEvent struct {
	Type string `json:"type"`
	Data struct {
		PaymentID string `json:"payment_id"`
		OrderID   string `json:"order_id"`
		Amount    int64  `json:"amount"`
		Currency  string `json:"currency"`
	} `json:"data"`
}

// paymentCallback takes the provider's word that an order was paid. The signature is checked over the raw body before
// anything is read from it, and 200 goes out only after the payment is durable: until then the provider sends it again.
func (o *office) paymentCallback(c echo.Context) error {
	raw, err := readBody(c, callbackBytesMax)
	if err != nil {
		return err
	}
	header := c.Request().Header
	if !o.webhooks.verify(header, raw) {
		return refusal{kind: badSignature}
	}
	var callback paymentEvent
	if err := json.Unmarshal(raw, &callback, integers()); err != nil {
		return refusal{kind: malformed, detail: describeDecodeError(err)}
	}
	if callback.Type != paymentSucceeded {
		return answerResult(c, resultIgnored)
	}
	if wrong := callback.wrong(); wrong != "" {
		return refusal{kind: invalid, detail: wrong}
	}
	result, err := o.Orders.Pay(traced(c), order.Payment{
		ID: callback.Data.PaymentID, OrderID: callback.Data.OrderID,
		Amount:    event.Money{Amount: callback.Data.Amount, Currency: callback.Data.Currency},
		WebhookID: header.Get(headerWebhookID),
	})
	if err != nil {
		return err
	}
	return answerResult(c, string(result))
}

// wrong says what keeps a payment from being recorded, or "". An amount or currency that is merely not the order's is
// recorded: money has moved.
func (p *paymentEvent) wrong() string {
	switch {
	case !visibleText(p.Data.PaymentID, order.IDMax):
		return fmt.Sprintf("data.payment_id must have 1 to %d visible ASCII characters.", order.IDMax)
	case !visibleText(p.Data.OrderID, order.IDMax):
		return fmt.Sprintf("data.order_id must have 1 to %d visible ASCII characters.", order.IDMax)
	case !visibleText(p.Data.Currency, order.CurrencyMax):
		return fmt.Sprintf("data.currency must have 1 to %d visible ASCII characters.", order.CurrencyMax)
	case p.Data.Amount < 1:
		return "data.amount must be 1 or more minor units."
	}
	return ""
}

func visibleText(s string, bytesMax int) bool {
	return s != "" && len(s) <= bytesMax && printableASCII(s) && !strings.Contains(s, " ")
}

func answerResult(c echo.Context, result string) error {
	body := append(appendString([]byte(`{"result":`), result), '}')
	return answer(c, http.StatusOK, body)
}
