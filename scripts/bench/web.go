package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
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
	jwtSecret    = "bench-0123456789abcdef0123456789abcdef"
	purchasePath = "/v1/screenings/%s/orders"
)

// webShop buys over HTTP, with a connection for each buyer.
type webShop struct {
	*rig
	server      *child
	shop        *url.URL
	screeningID string
	conns       []*traffic.Conn
	requests    []traffic.Request
	buffers     [][]byte
	count       func(context.Context) (int64, error)
	books       func(ctx context.Context, accepted int64) error
}

// connect makes what the buyers need. token is empty for a server that does not ask.
func (w *webShop) connect(buyers int, token func(buyer int) (string, error)) error {
	shop, err := url.Parse(w.server.url)
	if err != nil {
		return fmt.Errorf("read the server's address: %w", err)
	}
	w.shop = shop
	for buyer := range buyers {
		header := traffic.Header{Name: "X-Buyer", Value: buyerName(buyer)}
		if token != nil {
			signed, err := token(buyer)
			if err != nil {
				return err
			}
			header = traffic.Header{Name: "Authorization", Value: "Bearer " + signed}
		}
		w.requests = append(w.requests, traffic.NewRequest(shop, http.MethodPost, fmt.Sprintf(purchasePath, w.screeningID),
			"Idempotency-Key", `{"quantity":1}`, header))
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

func (w *webShop) buy(ctx context.Context, buyer int, key string) error {
	w.buffers[buyer] = w.requests[buyer].Append(w.buffers[buyer][:0], key)
	answer, err := w.conns[buyer].Do(context.WithoutCancel(ctx), w.buffers[buyer])
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
