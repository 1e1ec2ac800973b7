package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/stock"
)

// Demo adds what lets the office be tried without an identity provider and a payment provider: tokens for anyone, and a
// payment simulator. It belongs on loopback only.
type Demo struct {
	// CallbackURL returns the address that the simulator calls: this office's own /v1/payments/callback. It is asked
	// at each payment, since the port is known only after listening.
	CallbackURL func() string
}

const (
	demoTokenLife   = 12 * time.Hour
	simulatorWait   = 10 * time.Second
	resultBytesMax  = 4 << 10
	simulatorPrefix = "sim_"
)

type tokenBody struct {
	User string `json:"user"`
	Role string `json:"role"`
}

type simulationBody struct {
	OrderID string `json:"order_id"`
}

// makeToken gives whoever asks a token for any name.
func (o *office) makeToken(c echo.Context) error {
	var body tokenBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if !validSubject(body.User) {
		return refusal{kind: invalid,
			detail: fmt.Sprintf("user must have 1 to %d printable ASCII characters, and no space at either end.", subjectBytesMax)}
	}
	if body.Role != roleBuyer && body.Role != roleAdmin {
		return refusal{kind: invalid, detail: "role must be buyer or admin."}
	}
	expires := o.Now().Add(demoTokenLife).Truncate(time.Second)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Role:             body.Role,
		RegisteredClaims: jwt.RegisteredClaims{Subject: body.User, ExpiresAt: jwt.NewNumericDate(expires)},
	}).SignedString(o.JWTSecret)
	if err != nil {
		return fmt.Errorf("sign token: %w", err)
	}
	b := appendString([]byte(`{"token":`), token)
	b = appendTime(append(b, `,"expires_at":`...), expires)
	return answer(c, http.StatusOK, append(b, '}'))
}

// simulatePayment pays one of the caller's orders as a payment provider would: by a signed callback over HTTP. One order
// has one payment id, so a second click is the same payment again.
func (o *office) simulatePayment(c echo.Context, caller string) error {
	var body simulationBody
	if err := decodeBody(c, &body); err != nil {
		return err
	}
	if !validID(body.OrderID) {
		return refusal{kind: notFound}
	}
	ctx := traced(c)
	reservation, err := o.Stock.Reservation(ctx, caller, body.OrderID)
	if err != nil {
		return err
	}
	paymentID := simulatorPrefix + reservation.ID
	result, err := o.sendCallback(ctx, paymentID, reservation.Order)
	if err != nil {
		return fmt.Errorf("%w: send simulated callback: %w", stock.ErrUnavailable, err)
	}
	b := appendString([]byte(`{"payment_id":`), paymentID)
	b = appendString(append(b, `,"result":`...), result)
	return answer(c, http.StatusOK, append(b, '}'))
}

// sendCallback posts the payment and returns the result that the callback answered.
func (o *office) sendCallback(ctx context.Context, paymentID string, paid event.Order) (string, error) {
	now := o.Now()
	payload, err := json.Marshal(map[string]any{
		"type":      paymentSucceeded,
		"timestamp": now.UTC().Format(time.RFC3339Nano),
		"data": map[string]any{
			"payment_id": paymentID, "order_id": paid.ID, "amount": paid.Amount.Amount, "currency": paid.Amount.Currency,
		},
	})
	if err != nil {
		return "", fmt.Errorf("encode payment event: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.Demo.CallbackURL(), bytes.NewReader(payload))
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	id, timestamp := "msg_"+rand.Text(), strconv.FormatInt(now.Unix(), 10)
	request.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	request.Header.Set(headerWebhookID, id)
	request.Header.Set(headerWebhookTimestamp, timestamp)
	request.Header.Set(headerWebhookSignature, signWebhook(o.webhooks.secrets[0], id, timestamp, payload))
	response, err := o.payer.Do(request)
	if err != nil {
		return "", fmt.Errorf("post callback: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	return readResult(response)
}

// newSimulatorClient goes to one address of ours and follows nothing from there.
func newSimulatorClient() *http.Client {
	return &http.Client{
		Timeout:       simulatorWait,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func readResult(response *http.Response) (string, error) {
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("callback answered %s", response.Status)
	}
	var answered struct {
		Result string `json:"result"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, resultBytesMax)).Decode(&answered); err != nil {
		return "", fmt.Errorf("decode callback's answer: %w", err)
	}
	return answered.Result, nil
}
