package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"boxoffice/common/event"
	"boxoffice/common/idform"
	"boxoffice/common/strictjson"
	"boxoffice/order"
	"boxoffice/payment"
)

const (
	answerBytesMax = 64 << 10
	errorBytesMax  = 300 // of an answer that is quoted in an error
)

// apiClient calls the provider's API.
type apiClient struct {
	url, callbackURL func() string
	verifier         *Verifier
	http             *http.Client
}

func (c *apiClient) start(ctx context.Context, a payment.Attempt) (payment.Started, error) {
	var answer StartedBody
	err := c.call(ctx, PathPayments, StartBody{
		AttemptID: a.ID, OrderID: a.OrderID, Amount: a.Amount.Amount, Currency: a.Amount.Currency, Description: a.Description,
		ReturnURL: a.ReturnURL, CallbackURL: c.callbackURL(), ExpiresAt: a.ExpiresAt.UTC().Format(time.RFC3339),
	}, &answer)
	if err != nil {
		return payment.Started{}, fmt.Errorf("start payment: %w", err)
	}
	return payment.Started{Reference: reference(answer.Reference), Action: answer.Action}, nil
}

func (c *apiClient) status(ctx context.Context, path string, a payment.Attempt) (payment.Status, error) {
	var answer StatusBody
	if err := c.call(ctx, path, AttemptBody{a.ID}, &answer); err != nil {
		return payment.Status{}, fmt.Errorf("ask for payment: %w", err)
	}
	status := payment.Status{State: payment.AttemptState(answer.State)}
	switch status.State {
	case payment.Open, payment.Paid, payment.Closed:
	default:
		return payment.Status{}, fmt.Errorf("ask for payment: %w %q", errUnknownState, answer.State)
	}
	for _, p := range answer.Payments {
		data := EventData{PaymentID: p.PaymentID, OrderID: p.OrderID, Amount: p.Amount, Currency: p.Currency}
		if invalid := data.invalidPayment(); invalid != "" {
			return payment.Status{}, fmt.Errorf("ask for payment: %s", invalid)
		}
		status.Payments = append(status.Payments, payment.Payment{
			ID: p.PaymentID, AttemptID: a.ID, OrderID: p.OrderID, Amount: event.Money{Amount: p.Amount, Currency: p.Currency},
		})
	}
	return status, nil
}

func (c *apiClient) refund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	return c.refundStatus(ctx, PathRefunds, RefundBody{
		Key: r.Key, PaymentID: r.PaymentID, Amount: r.Amount.Amount, Currency: r.Amount.Currency, Reason: r.Reason,
	})
}

func (c *apiClient) queryRefund(ctx context.Context, r payment.Refund) (payment.RefundStatus, error) {
	status, err := c.refundStatus(ctx, PathRefundsQuery, RefundQueryBody{r.Key})
	if err == nil && status.State == refundUnknown {
		return payment.RefundStatus{}, fmt.Errorf("ask for refund: %w", payment.ErrUnknownRefund)
	}
	return status, err
}

func (c *apiClient) refundStatus(ctx context.Context, path string, body any) (payment.RefundStatus, error) {
	var answer RefundStatusBody
	if err := c.call(ctx, path, body, &answer); err != nil {
		return payment.RefundStatus{}, fmt.Errorf("refund: %w", err)
	}
	state, err := refundState(answer.State)
	if path == PathRefundsQuery && answer.State == StateUnknown {
		state, err = refundUnknown, nil
	}
	if err != nil {
		return payment.RefundStatus{}, fmt.Errorf("refund: %w %q", err, answer.State)
	}
	return payment.RefundStatus{State: state, Reference: reference(answer.Reference), Detail: answer.Detail}, nil
}

// call posts a signed body and decodes the answer.
func (c *apiClient) call(ctx context.Context, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url()+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	c.verifier.Sign(request.Header, "msg_"+rand.Text(), raw)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return statusError(response.StatusCode, answer)
	}
	if err := strictjson.UnmarshalKnown(answer, into); err != nil {
		return fmt.Errorf("read answer: %s", strictjson.Describe(err))
	}
	return nil
}

// statusError is the error for an answer that is not 200. Only a 4xx refuses: any other status, such as 201 or a redirect, does not
// say that nothing was done. And a provider that does not know who calls (401, 403: a key was replaced, a clock is wrong) has not
// looked at what is asked for: an earlier call of the same may have been carried out.
func statusError(status int, answer []byte) error {
	err := fmt.Errorf("the provider answered %d: %q", status, answer[:min(len(answer), errorBytesMax)])
	switch {
	case status < http.StatusBadRequest, status >= http.StatusInternalServerError,
		status == http.StatusUnauthorized, status == http.StatusForbidden,
		status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return err
	default:
		return fmt.Errorf("%w: %w", payment.ErrRefused, err)
	}
}

// reference keeps out of the database what cannot be a reference.
func reference(text string) string {
	if !idform.IsVisibleASCII(text, order.IDMax) {
		return ""
	}
	return text
}
