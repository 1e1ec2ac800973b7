package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/identity"
	"boxoffice/stock"
)

const (
	demoTokenLife     = 12 * time.Hour
	simulatorTimeout  = 10 * time.Second
	resultBytesMax    = 4 << 10
	simulatedIDPrefix = "sim_"
)

// demoHandler has the routes of the demo: a token issuer and a payment simulator.
type demoHandler struct {
	*handler
	provider *http.Client // sends callbacks as the payment provider does
}

// newDemoHandler makes the simulator's client. It follows no redirect, since a signed payment is for this office alone.
func newDemoHandler(h *handler) *demoHandler {
	return &demoHandler{handler: h, provider: &http.Client{
		Timeout:       simulatorTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type tokenBody struct {
	User string `json:"user"`
	Role string `json:"role"`
}

type tokenAnswer struct {
	Token     string `json:"token"`
	ExpiresAt string `json:"expires_at"`
}

// isOwnHost tells whether a request is for this machine, or for the address that the shop is configured to have. Another
// site whose name leads to this machine (DNS rebinding) has the browser send the site's own.
func (d *demoHandler) isOwnHost(host string) bool {
	if public, err := url.Parse(d.PublicURL); err == nil && public.Host != "" && strings.EqualFold(host, public.Host) {
		return true
	}
	name := (&url.URL{Host: host}).Hostname()
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback()
}

// makeToken issues a token for any name, to anybody who asks at this machine.
func (d *demoHandler) makeToken(c echo.Context) error {
	if !d.isOwnHost(c.Request().Host) {
		return problemError{kind: otherSite, detail: "The demo makes tokens only at localhost, a loopback address and its public URL."}
	}
	var body tokenBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	expires := d.Wall().Add(demoTokenLife).Truncate(time.Second)
	token, err := d.Identity.SignToken(body.User, body.Role, expires)
	switch {
	case errors.Is(err, identity.ErrInvalidSubject):
		return problemError{kind: invalid, detail: "user: " + err.Error() + "."}
	case errors.Is(err, identity.ErrInvalidRole):
		return problemError{kind: invalid, detail: "role: " + err.Error() + "."}
	case err != nil:
		return err
	}
	return answer(c, http.StatusOK, tokenAnswer{Token: token, ExpiresAt: formatTime(expires)})
}

type simulationBody struct {
	OrderID string `json:"order_id"`
}

type simulationAnswer struct {
	PaymentID string `json:"payment_id"`
	Result    string `json:"result"`
}

// simulatePayment pays one of the caller's orders as a payment provider does: by a signed callback over HTTP. The payment
// id is made from the order's, so that a second click is the same payment again.
func (d *demoHandler) simulatePayment(c echo.Context, caller string) error {
	var body simulationBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if !idform.IsID(body.OrderID) {
		return problemError{kind: notFound}
	}
	ctx := traced(c)
	reservation, err := d.Stock.Reservation(ctx, caller, body.OrderID)
	if err != nil {
		return err
	}
	paymentID := simulatedIDPrefix + reservation.ID
	result, err := d.sendCallback(ctx, paymentID, reservation.Order)
	if err != nil {
		return fmt.Errorf("%w: send simulated callback: %w", stock.ErrUnavailable, err)
	}
	return answer(c, http.StatusOK, simulationAnswer{PaymentID: paymentID, Result: result})
}

// IsDemoPayment tells whether a payment's id is of those that the demo makes, which no payment provider knows.
func IsDemoPayment(paymentID string) bool {
	orderID, has := strings.CutPrefix(paymentID, simulatedIDPrefix)
	_, err := stock.ParseID(orderID)
	return has && err == nil
}

// sendCallback posts a payment to the callback route, and returns the result that it answers.
func (d *demoHandler) sendCallback(ctx context.Context, paymentID string, paid event.Order) (string, error) {
	payload, err := json.Marshal(map[string]any{
		"type":      "payment.succeeded",
		"timestamp": d.Now().UTC().Format(time.RFC3339Nano),
		"data": map[string]any{
			"payment_id": paymentID, "order_id": paid.ID, "amount": paid.Amount.Amount, "currency": paid.Amount.Currency,
		},
	})
	if err != nil {
		return "", fmt.Errorf("encode payment event: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Demo.CallbackURL(), bytes.NewReader(payload))
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	request.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	d.Demo.Sign(request.Header, "msg_"+rand.Text(), payload)
	response, err := d.provider.Do(request)
	if err != nil {
		return "", fmt.Errorf("post callback: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	return readResult(response)
}

func readResult(response *http.Response) (string, error) {
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("callback answered %s", response.Status)
	}
	var answered paymentAnswer
	if err := json.NewDecoder(io.LimitReader(response.Body, resultBytesMax)).Decode(&answered); err != nil {
		return "", fmt.Errorf("decode callback's answer: %w", err)
	}
	return answered.Result, nil
}
