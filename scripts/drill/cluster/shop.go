package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/identity"
)

const (
	ticketPrice    = 4900 // minor units
	currency       = "CNY"
	answerBytesMax = 1 << 20
	// answerWait is how long a buyer waits for one answer before asking the other shop.
	answerWait = 3 * time.Second
	tokenLife  = 12 * time.Hour
)

// shop is the office as buyers, its payment provider and its administrator reach it: at one of several addresses.
type shop struct {
	addresses []string
	client    *http.Client
	secret    []byte
	signer    *standardwebhooks.Webhook
}

func newShop(addresses []string, jwtSecret, webhookSecret string) (*shop, error) {
	signer, err := standardwebhooks.NewWebhook(webhookSecret)
	if err != nil {
		return nil, fmt.Errorf("read webhook secret: %w", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 256, IdleConnTimeout: time.Minute}
	client := &http.Client{Transport: transport, Timeout: answerWait}
	return &shop{addresses: addresses, client: client, secret: []byte(jwtSecret), signer: signer}, nil
}

func (s *shop) token(user, role string) (string, error) {
	return identity.SignToken(s.secret, user, role, time.Now().Add(tokenLife))
}

// request is what is sent, to whichever address.
type request struct {
	method, path string
	headers      map[string]string
	body         []byte
}

// answer is what came back; status 0 says that nothing did.
type answer struct {
	status int
	body   []byte
}

// decode reads a JSON answer.
func (a answer) decode(out any) error {
	if err := json.Unmarshal(a.body, out); err != nil {
		return fmt.Errorf("decode answer %d %q: %w", a.status, a.body[:min(len(a.body), 200)], err)
	}
	return nil
}

// ask sends to the address that the try falls on: who gets no answer asks the other shop.
func (s *shop) ask(ctx context.Context, try int, r request) answer {
	request, err := http.NewRequestWithContext(ctx, r.method, s.addresses[try%len(s.addresses)]+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}
	}
	for name, value := range r.headers {
		request.Header.Set(name, value)
	}
	if r.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return answer{}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return answer{}
	}
	return answer{response.StatusCode, body}
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// addScreening puts a screening on sale now, with no limit per buyer.
func (s *shop) addScreening(ctx context.Context, tickets int64) (string, error) {
	token, err := s.token("drill-admin", "admin")
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{
		"movie": "Drill " + now.Format(time.RFC3339), "venue": "Nowhere", "capacity": tickets, "per_user_limit": 0,
		"price":     map[string]any{"amount": ticketPrice, "currency": currency},
		"starts_at": now.Add(48 * time.Hour), "sale_opens_at": now.Add(-time.Hour), "sale_closes_at": now.Add(24 * time.Hour),
	})
	if err != nil {
		return "", fmt.Errorf("encode screening: %w", err)
	}
	a := s.ask(ctx, 0, request{http.MethodPost, "/v1/screenings", bearer(token), body})
	var made struct {
		ID string `json:"id"`
	}
	if err := a.decode(&made); err != nil || a.status != http.StatusCreated {
		return "", fmt.Errorf("add screening: answer %d %s, %w", a.status, a.body, err)
	}
	return made.ID, nil
}

// available is how many tickets nobody has.
func (s *shop) available(ctx context.Context, try int, screening string) (int64, error) {
	a := s.ask(ctx, try, request{method: http.MethodGet, path: "/v1/screenings/" + screening})
	var read struct {
		Available int64 `json:"available"`
	}
	if a.status != http.StatusOK {
		return 0, fmt.Errorf("read screening: answer %d", a.status)
	}
	return read.Available, a.decode(&read)
}

// callback is the payment provider's word that an order was paid.
func (s *shop) callback(order string) (request, error) {
	now := time.Now()
	body := fmt.Appendf(nil, `{"type":"payment.succeeded","timestamp":%q,"data":{"payment_id":%q,"order_id":%q,"amount":%d,"currency":%q}}`,
		now.UTC().Format(time.RFC3339), "drill_"+order, order, ticketPrice, currency)
	id := "msg_" + order
	signature, err := s.signer.Sign(id, now, body)
	if err != nil {
		return request{}, fmt.Errorf("sign callback: %w", err)
	}
	return request{http.MethodPost, "/v1/payments/callback", map[string]string{
		"webhook-id": id, "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature,
	}, body}, nil
}
