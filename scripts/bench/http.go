package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/scripts/load/traffic"
)

const (
	httpTimeout  = 30 * time.Second
	httpCapacity = 1_000_000 // tickets: as many as the API takes
	tokensMade   = 1 << 16   // more purchases than one measurement makes, so that each shows its token for the first time
	jwtSecret    = "bench-0123456789abcdef0123456789abcdef"
	purchasePath = "/v1/screenings/%s/orders"
)

// httpVariant buys over HTTP, with a connection for each worker of the closed loop.
type httpVariant struct {
	*fixture
	server      *child
	screeningID string
	conns       []*traffic.Conn
	requests    []traffic.Request // of as many buyers, each with a token of their own
	buffers     [][]byte
	count       func(context.Context) (int64, error)
	check       func(ctx context.Context, accepted int64) error
}

// connect prepares the connections and the requests. There are no tokens for a server that does not ask for them.
func (h *httpVariant) connect(buyers int, tokens []string) error {
	server, err := url.Parse(h.server.url)
	if err != nil {
		return fmt.Errorf("read the server's address: %w", err)
	}
	request := func(headers ...traffic.Header) {
		h.requests = append(h.requests, traffic.NewRequest(server, http.MethodPost, fmt.Sprintf(purchasePath, h.screeningID),
			"Idempotency-Key", `{"quantity":1}`, headers...))
	}
	for _, token := range tokens {
		request(traffic.Header{Name: "Authorization", Value: "Bearer " + token})
	}
	if len(tokens) == 0 {
		request()
	}
	for range buyers {
		h.conns = append(h.conns, traffic.NewConn(server, httpTimeout))
		h.buffers = append(h.buffers, nil)
	}
	h.onClose(func() error {
		for _, conn := range h.conns {
			conn.Close()
		}
		return nil
	})
	return nil
}

// request is a purchase by one of the buyers. With a token for each connection, every buyer keeps to one connection and
// asks again and again, as people do who press reload. With more tokens the next buyer comes, whom the server has not
// seen yet.
func (h *httpVariant) request(p purchase) traffic.Request {
	if len(h.requests) == len(h.conns) {
		return h.requests[p.worker]
	}
	return h.requests[p.n%int64(len(h.requests))]
}

func (h *httpVariant) buy(ctx context.Context, p purchase) error {
	h.buffers[p.worker] = h.request(p).Append(h.buffers[p.worker][:0], p.run+strconv.FormatInt(p.n, 10))
	answer, err := h.conns[p.worker].Do(context.WithoutCancel(ctx), h.buffers[p.worker])
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusAccepted:
		return nil
	case answer.Status == http.StatusConflict:
		return errSoldOut
	case answer.Status == http.StatusTooManyRequests,
		answer.Status == http.StatusServiceUnavailable && strings.Contains(string(answer.Body), `"busy"`):
		return errBusy
	}
	return fmt.Errorf("answer %d: %s", answer.Status, answer.Body)
}

func (h *httpVariant) pid() int { return h.server.command.Process.Pid }

func (h *httpVariant) rows(ctx context.Context) (int64, error) { return h.count(ctx) }

func (h *httpVariant) verify(ctx context.Context, accepted int64) error {
	return eventually(ctx, func() error { return h.check(ctx, accepted) })
}

func signToken(user, role string) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "role": role, "exp": time.Now().Add(longWindow).Unix(),
	}).SignedString([]byte(jwtSecret))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

func signTokens() ([]string, error) {
	tokens := make([]string, tokensMade)
	var err error
	for i := range tokens {
		if tokens[i], err = signToken("buyer-"+strconv.Itoa(i), "buyer"); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// webhookSecret is the payment provider's, of the same bytes as the tokens'.
func webhookSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(jwtSecret))
}
