package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"boxoffice/scripts/client"
)

const (
	setupTimeout = 10 * time.Second
	setupConns   = 16
)

const pollEvery = 50 * time.Millisecond // between two looks at one thing

// shop is the office as the test's administrator and auditor sees it, off the hot path.
type shop struct {
	address *url.URL
	client  *http.Client
}

func newShop(address *url.URL) *shop {
	transport := &http.Transport{MaxIdleConnsPerHost: setupConns, MaxConnsPerHost: setupConns}
	return &shop{address: address, client: &http.Client{Transport: transport, Timeout: setupTimeout}}
}

func (s *shop) close() { s.client.CloseIdleConnections() }

// attempt is one purchase that somebody asked for.
type attempt struct {
	buyer int
	key   string
}

// bought is an accepted purchase.
type bought struct {
	attempt
	order string
}

type screening struct {
	ID        string `json:"id"`
	Capacity  int64  `json:"capacity"`
	Available int64  `json:"available"`
}

// orderView is an order as its buyer reads it.
type orderView struct {
	ID         string    `json:"id"`
	Status     string    `json:"status"`
	ExpiresAt  time.Time `json:"expires_at"`
	ServerTime time.Time `json:"server_time"`
}

// statusError is an answer that was not the one hoped for.
type statusError struct {
	status int
	body   string
}

// Error shows the shop's own words.
func (e *statusError) Error() string { return fmt.Sprintf("answer %d: %s", e.status, e.body) }

// ask sends a body that is encoded as JSON, unless it is nil, and wants 200.
func (s *shop) ask(ctx context.Context, method, path, token string, in, out any) error {
	r := client.Request{Method: method, Path: path, Token: token}
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		r.Body = string(encoded)
	}
	return s.send(ctx, r, http.StatusOK, out)
}

// send sends one request and decodes the answer into out; it fails with a *statusError unless the answer is want.
func (s *shop) send(ctx context.Context, r client.Request, want int, out any) error {
	answer, err := r.Send(ctx, s.client, s.address.String())
	if err != nil {
		return err
	}
	if answer.Status != want {
		return &statusError{answer.Status, string(bytes.TrimSpace(answer.Body[:min(len(answer.Body), 300)]))}
	}
	return answer.Decode(out)
}

// addScreening puts a screening on sale now, with no limit per buyer.
func (s *shop) addScreening(ctx context.Context, admin string, tickets int64) (screening, error) {
	var made screening
	movie := "Load test " + time.Now().UTC().Format(time.RFC3339)
	err := s.send(ctx, client.AddScreening(admin, movie, tickets), http.StatusCreated, &made)
	if err != nil {
		return screening{}, fmt.Errorf("add screening: %w", err)
	}
	return made, nil
}

// closeSale ends the sale of a screening that the test has made, also when ctx has ended.
func (s *shop) closeSale(ctx context.Context, admin, id string) error {
	var changed screening
	if err := s.ask(context.WithoutCancel(ctx), http.MethodPatch, "/v1/screenings/"+id, admin,
		map[string]any{"sale_closes_at": time.Now().UTC()}, &changed); err != nil {
		return fmt.Errorf("the sale of screening %s stays open: %w", id, err)
	}
	return nil
}

func (s *shop) screening(ctx context.Context, id string) (screening, error) {
	var read screening
	if err := s.ask(ctx, http.MethodGet, "/v1/screenings/"+id, "", nil, &read); err != nil {
		return screening{}, fmt.Errorf("read screening: %w", err)
	}
	return read, nil
}

func (s *shop) order(ctx context.Context, token, id string) (orderView, error) {
	var read orderView
	if err := s.ask(ctx, http.MethodGet, "/v1/orders/"+id, token, nil, &read); err != nil {
		return orderView{}, fmt.Errorf("read order %s: %w", id, err)
	}
	return read, nil
}

// demoToken asks for a token as anybody may in the demo.
func (s *shop) demoToken(ctx context.Context, user, role string) (string, error) {
	var made struct {
		Token string `json:"token"`
	}
	err := s.ask(ctx, http.MethodPost, "/v1/dev/tokens", "", map[string]string{"user": user, "role": role}, &made)
	if refused, ok := errors.AsType[*statusError](err); ok && refused.status == http.StatusNotFound {
		return "", errors.New("the shop gives no tokens: it is no demo, so give -jwt-secret-env")
	}
	if err != nil {
		return "", fmt.Errorf("get token: %w", err)
	}
	return made.Token, nil
}
