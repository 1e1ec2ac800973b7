package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/identity"
)

const (
	shopURL       = "http://127.0.0.1:8080" // as compose.yaml publishes it
	price         = 4900
	currency      = "CNY"
	askTimeout    = 10 * time.Second
	answerMax     = 1 << 20
	statusPaid    = "paid"
	statusExpired = "cancelled"
)

// secrets are what an operator makes before the first start, as compose.yaml says.
type secrets struct {
	mysql, jwt, webhook, ticketKey string
}

func newSecrets() secrets {
	random := func(n int) []byte {
		b := make([]byte, n)
		_, _ = rand.Read(b) // it never fails
		return b
	}
	base := base64.StdEncoding.EncodeToString
	return secrets{hex.EncodeToString(random(16)), hex.EncodeToString(random(32)), "whsec_" + base(random(32)), base(random(32))}
}

// office is the shop as its buyers, its operator and its payment provider reach it.
type office struct {
	client *http.Client
	secret []byte
	signer *standardwebhooks.Webhook
}

func newOffice(s secrets) (*office, error) {
	signer, err := standardwebhooks.NewWebhook(s.webhook)
	if err != nil {
		return nil, fmt.Errorf("read webhook secret: %w", err)
	}
	return &office{&http.Client{Timeout: askTimeout}, []byte(s.jwt), signer}, nil
}

// ask sends a request as somebody and decodes the answer, unless its status is not the one that is wanted.
func (o *office) ask(ctx context.Context, method, path, body string, header map[string]string, want int, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, shopURL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := o.client.Do(request)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: answer %d: %s", method, path, response.StatusCode, answer[:min(len(answer), 300)])
	}
	return json.Unmarshal(answer, out)
}

func (o *office) as(user, role string) (map[string]string, error) {
	token, err := identity.SignToken(o.secret, user, role, time.Now().Add(time.Hour))
	return map[string]string{"Authorization": "Bearer " + token}, err
}

func (o *office) addScreening(ctx context.Context, capacity int) (id string, err error) {
	admin, err := o.as("operator", "admin")
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{
		"movie": "A set of containers", "venue": "Here", "capacity": capacity, "per_user_limit": 0,
		"price":     map[string]any{"amount": price, "currency": currency},
		"starts_at": now.Add(48 * time.Hour), "sale_opens_at": now.Add(-time.Hour), "sale_closes_at": now.Add(24 * time.Hour),
	})
	if err != nil {
		return "", fmt.Errorf("encode screening: %w", err)
	}
	var made struct {
		ID string `json:"id"`
	}
	err = o.ask(ctx, http.MethodPost, "/v1/screenings", string(body), admin, http.StatusCreated, &made)
	return made.ID, err
}

func (o *office) available(ctx context.Context, screening string) (int, error) {
	var read struct {
		Available int `json:"available"`
	}
	err := o.ask(ctx, http.MethodGet, "/v1/screenings/"+screening, "", nil, http.StatusOK, &read)
	return read.Available, err
}

// buy asks for one ticket; the same key is the same purchase.
func (o *office) buy(ctx context.Context, screening, buyer, key string) (order string, err error) {
	header, err := o.as(buyer, "buyer")
	if err != nil {
		return "", err
	}
	header["Idempotency-Key"] = key
	var made struct {
		ID string `json:"id"`
	}
	err = o.ask(ctx, http.MethodPost, "/v1/screenings/"+screening+"/orders", `{"quantity":1}`, header, http.StatusAccepted, &made)
	return made.ID, err
}

// pay is the payment provider's callback. Its answer says that the money is known, whatever comes of the order.
func (o *office) pay(ctx context.Context, order string) error {
	now := time.Now()
	body := fmt.Sprintf(`{"type":"payment.succeeded","timestamp":%q,"data":{"payment_id":%q,"order_id":%q,"amount":%d,"currency":%q}}`,
		now.UTC().Format(time.RFC3339), "pay_"+order, order, price, currency)
	signature, err := o.signer.Sign("msg_"+order, now, []byte(body))
	if err != nil {
		return fmt.Errorf("sign callback: %w", err)
	}
	var answer struct {
		Result string `json:"result"`
	}
	return o.ask(ctx, http.MethodPost, "/v1/payments/callback", body, map[string]string{
		"webhook-id": "msg_" + order, "webhook-timestamp": fmt.Sprint(now.Unix()), "webhook-signature": signature,
	}, http.StatusOK, &answer)
}

func (o *office) status(ctx context.Context, buyer, order string) (string, error) {
	header, err := o.as(buyer, "buyer")
	if err != nil {
		return "", err
	}
	var read struct {
		Status string `json:"status"`
	}
	err = o.ask(ctx, http.MethodGet, "/v1/orders/"+order, "", header, http.StatusOK, &read)
	return read.Status, err
}
