package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/identity"
	"boxoffice/scripts/client"
)

const (
	shopURL       = "http://127.0.0.1:8080" // as compose.yaml publishes it
	askTimeout    = 10 * time.Second
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

// ask sends a request and decodes the answer, unless its status is not the one that is wanted.
func (o *office) ask(ctx context.Context, r client.Request, want int, out any) error {
	answer, err := r.Send(ctx, o.client, shopURL)
	if err != nil {
		return err
	}
	if answer.Status != want {
		return fmt.Errorf("%s %s: answer %d: %s", r.Method, r.Path, answer.Status, answer.Body[:min(len(answer.Body), 300)])
	}
	return answer.Decode(out)
}

func (o *office) token(user, role string) (string, error) {
	return identity.SignToken(o.secret, user, role, time.Now().Add(time.Hour))
}

func (o *office) addScreening(ctx context.Context, capacity int64) (id string, err error) {
	admin, err := o.token("operator", "admin")
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = o.ask(ctx, client.AddScreening(admin, "A set of containers", capacity), http.StatusCreated, &made)
	return made.ID, err
}

func (o *office) available(ctx context.Context, screening string) (int, error) {
	var read struct {
		Available int `json:"available"`
	}
	err := o.ask(ctx, client.Request{Method: http.MethodGet, Path: "/v1/screenings/" + screening}, http.StatusOK, &read)
	return read.Available, err
}

// buy asks for one ticket; the same key is the same purchase.
func (o *office) buy(ctx context.Context, screening, buyer, key string) (order string, err error) {
	token, err := o.token(buyer, "buyer")
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = o.ask(ctx, client.Buy(token, screening, key), http.StatusAccepted, &made)
	return made.ID, err
}

// pay is the payment provider's callback. Its answer says that the money is known, whatever comes of the order.
func (o *office) pay(ctx context.Context, order string) error {
	callback, err := client.Callback(o.signer, "pay_"+order, order)
	if err != nil {
		return err
	}
	var answer struct {
		Result string `json:"result"`
	}
	return o.ask(ctx, callback, http.StatusOK, &answer)
}

func (o *office) status(ctx context.Context, buyer, order string) (string, error) {
	token, err := o.token(buyer, "buyer")
	if err != nil {
		return "", err
	}
	var read struct {
		Status string `json:"status"`
	}
	err = o.ask(ctx, client.Request{Method: http.MethodGet, Path: "/v1/orders/" + order, Token: token}, http.StatusOK, &read)
	return read.Status, err
}
