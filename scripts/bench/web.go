package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"boxoffice/common/db"
	"boxoffice/scripts/load/traffic"

	"github.com/golang-jwt/jwt/v5"
)

const (
	webTimeout   = 30 * time.Second
	webCapacity  = 1_000_000 // as much as the API takes
	buyersMax    = 8192
	tokensMade   = 1 << 16 // more than one selling slot uses, so that every purchase shows a token for the first time
	jwtSecret    = "bench-0123456789abcdef0123456789abcdef"
	purchasePath = "/v1/screenings/%s/orders"
)

// webShop buys over HTTP, with a connection for each worker of the plan.
type webShop struct {
	*rig
	server      *child
	shop        *url.URL
	screeningID string
	conns       []*traffic.Conn
	requests    []traffic.Request // of as many people, each with a token of their own
	buffers     [][]byte
	count       func(context.Context) (int64, error)
	books       func(ctx context.Context, accepted int64) error
}

// connect makes what the buyers need. There are no tokens for a server that does not ask.
func (w *webShop) connect(buyers int, tokens []string) error {
	shop, err := url.Parse(w.server.url)
	if err != nil {
		return fmt.Errorf("read the server's address: %w", err)
	}
	w.shop = shop
	request := func(headers ...traffic.Header) {
		w.requests = append(w.requests, traffic.NewRequest(shop, http.MethodPost, fmt.Sprintf(purchasePath, w.screeningID),
			"Idempotency-Key", `{"quantity":1}`, headers...))
	}
	for _, token := range tokens {
		request(traffic.Header{Name: "Authorization", Value: "Bearer " + token})
	}
	if len(tokens) == 0 {
		request()
	}
	for range buyers {
		w.conns = append(w.conns, traffic.NewConn(shop, webTimeout))
		w.buffers = append(w.buffers, nil)
	}
	w.onClose(func() error {
		for _, conn := range w.conns {
			conn.Close()
		}
		return nil
	})
	return nil
}

// request is whose purchase it is. With a token for each connection, everybody keeps to their own connection and asks
// again and again, as those do who press reload. With more tokens, the next person comes, whom the shop has not seen yet.
func (w *webShop) request(p purchase) traffic.Request {
	if len(w.requests) == len(w.conns) {
		return w.requests[p.worker]
	}
	return w.requests[p.n%int64(len(w.requests))]
}

func (w *webShop) buy(ctx context.Context, p purchase) error {
	w.buffers[p.worker] = w.request(p).Append(w.buffers[p.worker][:0], p.run+strconv.FormatInt(p.n, 10))
	answer, err := w.conns[p.worker].Do(context.WithoutCancel(ctx), w.buffers[p.worker])
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

func (w *webShop) pid() int { return w.server.command.Process.Pid }

func (w *webShop) rows(ctx context.Context) (int64, error) { return w.count(ctx) }

func (w *webShop) rest(ctx context.Context, accepted int64) error {
	return eventually(ctx, func() error { return w.books(ctx, accepted) })
}

func signToken(user, role string) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "role": role, "exp": time.Now().Add(farWindow).Unix(),
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

// countRows counts a table's rows beside the server that writes them.
func countRows(d *db.DB, query string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (n int64, err error) {
		err = d.Reader().GetContext(ctx, &n, query)
		return n, err
	}
}

// onWeb is sellOn for a server in a process of its own.
func (b *bench) onWeb(ctx context.Context, open func(context.Context, *rig, int) (shop, error), buyers int) (got sold, err error) {
	if buyers > buyersMax {
		return got, errors.New("too many buyers")
	}
	dir, err := os.MkdirTemp(b.root, "slot-")
	if err != nil {
		return got, fmt.Errorf("make data directory: %w", err)
	}
	r := &rig{home: b.home, dir: dir}
	defer func() { err = errors.Join(err, r.close(), os.RemoveAll(dir)) }()
	s, err := open(ctx, r, buyers)
	if err != nil {
		return got, fmt.Errorf("open: %w", err)
	}
	return sell(ctx, s, buyers, b.slot)
}

// webhookSecret is the payment provider's, by the same bytes as the tokens'.
func webhookSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(jwtSecret))
}
