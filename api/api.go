// Package api is the HTTP side of the box office: requests in, JSON out. It checks who asks and what is asked, calls one
// method of the services, and encodes the answer. It knows no SQL and no message queue. openapi.yaml is its contract,
// errors.go the one table from what went wrong to what the caller is told.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sale"
	"boxoffice/stock"
)

// Stock is what the API asks of the stock service's rows.
type Stock interface {
	Screenings(ctx context.Context, which stock.Sales, cursor string, limit int) (items []stock.Screening, next string, err error)
	Screening(ctx context.Context, id string) (stock.Screening, error)
	AddScreening(ctx context.Context, s stock.Screening) (stock.Screening, error)
	ChangeScreening(ctx context.Context, id string, change stock.ScreeningChange) (stock.Screening, error)
	Reservation(ctx context.Context, buyerID, orderID string) (stock.Reservation, error)
	Reservations(ctx context.Context, buyerID, cursor string, limit int) (items []stock.Reservation, next string, err error)
}

// Seller takes purchases. The same buyer and key always give the same order. Refuse says from memory why a purchase
// cannot succeed now; nil says nothing.
type Seller interface {
	Refuse(ctx context.Context, screeningID, buyerID, key string) error
	Purchase(ctx context.Context, p sale.Request) (stock.Reservation, error)
}

// Orders is what the API asks of the order service. Find leaves absent ids out of its answer.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
	Pay(ctx context.Context, p order.Payment) (order.PaymentResult, error)
	Cancel(ctx context.Context, o event.Order, held bool) (order.Order, error)
}

// Options are the parts of the public listener's handler.
type Options struct {
	Stock  Stock
	Seller Seller
	Orders Orders

	JWTSecret      []byte   // HS256 key, the bytes as given; the configuration refuses fewer than 32
	WebhookSecrets []string // "whsec_" + base64; any of them may have signed, so that a secret can be changed

	BuyerRate   int // requests per second of one buyer, with bursts of twice that; 0 is no limit
	AddressRate int // the same of one network address, but for signed callbacks; 0 is no limit
	MaxInFlight int // requests handled at once, the others are told to come back; 0 is 16384

	Demo    *Demo                 // nil: the /v1/dev routes do not exist
	Metrics prometheus.Registerer // nil: requests are not counted
	Now     func() time.Time
	Log     *slog.Logger
}

const defaultMaxInFlight = 16384

// office is the handler's state: Options and what New makes of them once.
type office struct {
	Options
	problems *problemTable
	tokens   *jwt.Parser
	known    *tokenMemory
	webhooks *webhookVerifier
	requests *requestSeries
	buyers   *callRates
	addrs    *callRates
	inFlight atomic.Int64 // requests that are being handled
	payer    *http.Client // the payment simulator's
	headers  fixedHeaders // of every answer
}

// New returns the routes of the public listener. An error says which option cannot be used.
func New(opts Options) (http.Handler, error) {
	if opts.Stock == nil || opts.Seller == nil || opts.Orders == nil || opts.Now == nil || opts.Log == nil {
		return nil, errors.New("api: Stock, Seller, Orders, Now and Log are needed")
	}
	if len(opts.JWTSecret) == 0 {
		return nil, errors.New("api: a JWT secret is needed")
	}
	if opts.MaxInFlight <= 0 {
		opts.MaxInFlight = defaultMaxInFlight
	}
	webhooks, err := newWebhookVerifier(opts.WebhookSecrets, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", err)
	}
	requests, err := newRequestSeries(opts.Metrics)
	if err != nil {
		return nil, fmt.Errorf("register request metrics: %w", err)
	}
	buyers, buyersErr := newCallRates(opts.BuyerRate)
	addrs, addrsErr := newCallRates(opts.AddressRate)
	if err := errors.Join(buyersErr, addrsErr); err != nil {
		return nil, fmt.Errorf("make rate limits: %w", err)
	}
	o := &office{
		Options:  opts,
		problems: newProblemTable(),
		tokens:   newTokenParser(opts.Now),
		known:    newTokenMemory(),
		webhooks: webhooks,
		requests: requests,
		buyers:   buyers,
		addrs:    addrs,
		payer:    newSimulatorClient(),
		headers:  answerHeaders(),
	}
	return o.routes()
}
