// Package client makes the requests of an office's buyers, administrator and payment provider, for the drills, tests and
// measurements that sell through one from outside.
package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TicketPrice is what a ticket of the screenings made here costs, in minor units.
const TicketPrice = 4900

const (
	currency       = "CNY"
	answerBytesMax = 1 << 20
)

// Request is one that is sent to whichever address of an office.
type Request struct {
	Method, Path string
	Token        string // of whoever asks; empty is nobody
	Headers      map[string]string
	Body         string // JSON; empty is none
}

// Answer is what came back; status 0 says that nothing did.
type Answer struct {
	Status int
	Body   []byte
}

// Decode reads a JSON answer.
func (a Answer) Decode(out any) error {
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("decode answer %d %q: %w", a.Status, a.Body[:min(len(a.Body), 200)], err)
	}
	return nil
}

// Send makes the request at an address and reads its answer. After an error the request may have been done or not.
func (r Request) Send(ctx context.Context, client *http.Client, address string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, address+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("make request: %w", err)
	}
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was read, or the error says why not
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return Answer{}, fmt.Errorf("read answer: %w", err)
	}
	return Answer{response.StatusCode, body}, nil
}

// AddScreening puts a screening on sale now, with no limit per buyer.
func AddScreening(admin, movie string, tickets int64) Request {
	at := func(d time.Duration) string { return time.Now().UTC().Add(d).Format(time.RFC3339Nano) }
	return Request{Method: http.MethodPost, Path: "/v1/screenings", Token: admin, Body: fmt.Sprintf(
		`{"movie":%q,"venue":"Nowhere","capacity":%d,"per_user_limit":0,"price":{"amount":%d,"currency":%q},
		"starts_at":%q,"sale_opens_at":%q,"sale_closes_at":%q}`,
		movie, tickets, TicketPrice, currency, at(48*time.Hour), at(-time.Hour), at(24*time.Hour))}
}

// Buy asks for one ticket; the same key is the same purchase.
func Buy(buyer, screening, key string) Request {
	return Request{
		Method: http.MethodPost, Path: "/v1/screenings/" + screening + "/orders", Token: buyer,
		Headers: map[string]string{"Idempotency-Key": key}, Body: `{"quantity":1}`,
	}
}

// Callback is the payment provider's word that an order was paid.
func Callback(signer *standardwebhooks.Webhook, payment, order string) (Request, error) {
	now := time.Now()
	body := fmt.Sprintf(`{"type":"payment.succeeded","timestamp":%q,"data":{"payment_id":%q,"order_id":%q,"amount":%d,"currency":%q}}`,
		now.UTC().Format(time.RFC3339), payment, order, TicketPrice, currency)
	id := "msg_" + order
	signature, err := signer.Sign(id, now, []byte(body))
	if err != nil {
		return Request{}, fmt.Errorf("sign callback: %w", err)
	}
	return Request{Method: http.MethodPost, Path: "/v1/payments/callback", Body: body, Headers: map[string]string{
		standardwebhooks.HeaderWebhookID:        id,
		standardwebhooks.HeaderWebhookTimestamp: strconv.FormatInt(now.Unix(), 10),
		standardwebhooks.HeaderWebhookSignature: signature,
	}}, nil
}
