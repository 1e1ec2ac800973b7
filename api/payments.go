package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/common/idform"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
)

const returnURLMax = 2048 // bytes

// providersAnswer lists the payment providers that this office has.
type providersAnswer struct {
	Items []providerAnswer `json:"items"`
}

type providerAnswer struct {
	Name string `json:"name"`
}

// listProviders answers with what an order can be paid.
func (h *handler) listProviders(c echo.Context) error {
	list := providersAnswer{Items: []providerAnswer{}}
	for _, name := range h.Payments.Providers() {
		list.Items = append(list.Items, providerAnswer{name})
	}
	return answer(c, http.StatusOK, list)
}

type paymentStartBody struct {
	Provider  string `json:"provider"`
	ReturnURL string `json:"return_url"`
}

// attemptAnswer is an open attempt to pay: what the buyer has to do, until when.
type attemptAnswer struct {
	ID        string       `json:"id"`
	Provider  string       `json:"provider"`
	Action    actionAnswer `json:"action"`
	ExpiresAt string       `json:"expires_at"`
}

// actionAnswer is an action, with its QR code drawn for a page.
type actionAnswer struct {
	payment.Action
	QRImage string `json:"qr_image,omitempty"` // data URL of a PNG
}

// startPayment starts the payment of one of the buyer's orders. The same order and provider again are the same attempt.
func (h *handler) startPayment(c echo.Context, caller string) error {
	reservation, err := pathReservation(c, h.Stock, caller)
	if err != nil {
		return err
	}
	var body paymentStartBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if _, ok := idform.WebURL(body.ReturnURL, returnURLMax); !ok {
		return problemError{kind: invalid, detail: fmt.Sprintf(
			"return_url must be an absolute http or https URL of at most %d ASCII characters.", returnURLMax)}
	}
	switch reservation.State {
	case stock.Sold:
		return order.ErrAlreadyPaid
	case stock.Released:
		return order.ErrNotPayable
	}
	ctx, step := h.Tracer.Join(traced(c), reservation.ID, "start payment")
	opened, err := h.Payments.Start(ctx, reservation.Order, body.Provider, body.ReturnURL)
	step.End(err)
	if err != nil {
		return err
	}
	action := actionAnswer{Action: opened.Action}
	if opened.Action.Kind == payment.ShowQR {
		if action.QRImage, err = h.qrImages.of(ctx, opened.Action.QR); err != nil {
			return fmt.Errorf("%w: %w", payment.ErrRefused, err)
		}
	}
	return answer(c, http.StatusOK, attemptAnswer{
		ID: opened.ID, Provider: opened.Provider, Action: action, ExpiresAt: formatTime(opened.ExpiresAt),
	})
}
