package cluster

import (
	"context"
	"fmt"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/identity"
	"boxoffice/scripts/client"
)

const (
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
	caller := &http.Client{Transport: transport, Timeout: answerWait}
	return &shop{addresses: addresses, client: caller, secret: []byte(jwtSecret), signer: signer}, nil
}

func (s *shop) token(user, role string) (string, error) {
	return identity.SignToken(s.secret, user, role, time.Now().Add(tokenLife))
}

// ask sends to the address that the try falls on: who gets no answer asks the other shop.
func (s *shop) ask(ctx context.Context, try int, r client.Request) client.Answer {
	a, err := r.Send(ctx, s.client, s.addresses[try%len(s.addresses)])
	if err != nil {
		return client.Answer{}
	}
	return a
}

// addScreening puts a screening on sale now, with no limit per buyer.
func (s *shop) addScreening(ctx context.Context, tickets int64) (string, error) {
	token, err := s.token("drill-admin", "admin")
	if err != nil {
		return "", err
	}
	a := s.ask(ctx, 0, client.AddScreening(token, "Drill "+time.Now().UTC().Format(time.RFC3339), tickets))
	var made struct {
		ID string `json:"id"`
	}
	if err := a.Decode(&made); err != nil || a.Status != http.StatusCreated {
		return "", fmt.Errorf("add screening: answer %d %s, %w", a.Status, a.Body, err)
	}
	return made.ID, nil
}

// available is how many tickets nobody has.
func (s *shop) available(ctx context.Context, try int, screening string) (int64, error) {
	a := s.ask(ctx, try, client.Request{Method: http.MethodGet, Path: "/v1/screenings/" + screening})
	var read struct {
		Available int64 `json:"available"`
	}
	if a.Status != http.StatusOK {
		return 0, fmt.Errorf("read screening: answer %d", a.Status)
	}
	err := a.Decode(&read)
	return read.Available, err
}
