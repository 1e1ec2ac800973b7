// Package payment starts payments with payment providers, takes their callbacks, asks them for what they did not say, and
// sends refunds. Whether money pays an order is decided by the package order, in whose database the tables of this
// package are, because a refund is recorded in the transaction that decides it.
package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/outage"
	"boxoffice/common/tracing"
	"boxoffice/order"
)

// What a call of the Service can be refused for.
var (
	ErrUnknownProvider = errors.New("there is no such payment provider")
	ErrProviderAway    = errors.New("payment provider is away")
	ErrRefundAbsent    = errors.New("there is no such refund")
	ErrRefundInFlight  = errors.New("refund is being sent, or its money is back")
)

// Orders is what is called of the order service.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
	Pay(ctx context.Context, p order.Payment) (order.PaymentResult, error)
	HoldForPayment(ctx context.Context, reserved event.Order, hold order.Hold) (order.Order, error)
	StopAsking(ctx context.Context, asked map[string]int64) error
	RefundStranded(ctx context.Context, before time.Time,
		keep func(ctx context.Context, orderIDs []string) (map[string]bool, error)) (int, error)
	WantTickets(ctx context.Context) (int, error)
	AnnounceReturned(ctx context.Context) (int, error)
}

// Stock is what is called of the stock service.
type Stock interface {
	Extend(ctx context.Context, orderID string, deadline time.Time) error
}

// Options configures a Service. Durations of zero stand for their defaults. A Service that only adds up money, or lists
// refunds, needs Orders, Now and Log.
type Options struct {
	Orders    Orders
	Stock     Stock
	Providers []Provider
	Now       func() time.Time
	Log       *slog.Logger
	Tracer    *tracing.Tracer // nil traces nothing

	Lease       time.Duration // that a payment which starts has at least until the deadline; default 5 min
	AskGrace    time.Duration // after the deadline, in which a provider that is away can still be asked; default 2 min
	ParkedLimit time.Duration // after which money goes back that waits for an order; default 24 h

	// KeepParked names those of the orders, for which money waits, whose money is kept until a person decides: the order may
	// be in the archive, or its tickets are held or sold. It is required for Run and Work.
	KeepParked func(ctx context.Context, orderIDs []string) (map[string]bool, error)

	// OneByOne makes one call of a provider after the other, in the same order each time, for a simulation.
	OneByOne bool

	// TellRefunds publishes refund-sent, and returns nil once it is stored. Nil tells nobody.
	TellRefunds func(ctx context.Context, sent event.RefundsSent) error
}

// AskLists is for how many lists of orders all providers together are asked at once, each for its share. Whoever handles more
// lists at once goes on with those of which nobody is to be asked, however slow the providers are.
const AskLists = 6

// providerPatience is how many calls of a provider fail one after the other until it counts as away: a call may also fail
// for what is wrong with it.
const providerPatience = 3

const (
	defaultLease       = 5 * time.Minute
	defaultAskGrace    = 2 * time.Minute
	defaultParkedLimit = 24 * time.Hour
)

// Service is the payments of an office. It is safe for concurrent use, also by several processes on one database.
type Service struct {
	Options
	db        *db.DB
	providers map[string]Provider
	outages   map[string]*outage.Outage // of each provider
	turns     map[string]chan struct{}  // of each provider: for how many lists of due orders it is asked at once

	ended *batch.Group[string, struct{}] // ids of orders that have become final; nil without providers
}

// How many orders that have become final are recorded together, and for how long a caller waits.
const (
	endedMax     = 256
	endedQueue   = 8192
	endedTimeout = 10 * time.Second
)

// New returns a service over the order database, which Close ends. Run does its work in the background.
func New(d *db.DB, opts Options) *Service {
	s := &Service{Options: opts, db: d, providers: map[string]Provider{}, outages: map[string]*outage.Outage{}, turns: map[string]chan struct{}{}}
	s.Lease, s.AskGrace = cmp.Or(s.Lease, defaultLease), cmp.Or(s.AskGrace, defaultAskGrace)
	s.ParkedLimit = cmp.Or(s.ParkedLimit, defaultParkedLimit)
	for _, p := range opts.Providers {
		s.providers[p.Name()] = p
		s.outages[p.Name()] = outage.New(opts.Log, "payment provider "+p.Name(), providerPatience)
		s.turns[p.Name()] = make(chan struct{}, max(1, AskLists/len(opts.Providers)))
	}
	if len(opts.Providers) > 0 {
		s.ended = batch.Start(context.Background(), batch.Options{
			Max: endedMax, Workers: 1, Queue: endedQueue, Wait: endedTimeout, Timeout: endedTimeout, Log: opts.Log,
		}, s.endOrders)
	}
	return s
}

// Close ends the service once what callbacks have brought is recorded. It is idempotent.
func (s *Service) Close() {
	if s.ended != nil {
		s.ended.Close()
	}
}

// endOrders ends the attempts of orders together, which buyers cancel at once.
func (s *Service) endOrders(ctx context.Context, calls []*batch.Call[string, struct{}]) {
	ids := make([]string, len(calls))
	for i, call := range calls {
		ids[i] = call.In
	}
	err := s.OrdersEnded(ctx, ids)
	for _, call := range calls {
		call.Answer(struct{}{}, err)
	}
}

// OrdersEnded makes the open attempts of orders due, because the orders have become final, also in a process without providers.
func (s *Service) OrdersEnded(ctx context.Context, orderIDs []string) error {
	if len(orderIDs) == 0 {
		return nil
	}
	now := s.Now().UnixMilli()
	err := s.db.InTx(ctx, func(tx *db.Tx) error { return order.EndAttempts(ctx, tx, orderIDs, now) })
	return s.failed("follow the end of orders", err)
}

// Providers returns the names of the providers with which a payment can be started, in the order in which they were given.
func (s *Service) Providers() []string {
	names := []string{}
	for _, p := range s.Options.Providers {
		if canStart(p) {
			names = append(names, p.Name())
		}
	}
	return names
}

// Callers returns the names of all providers, in the order in which they were given: each may send callbacks.
func (s *Service) Callers() []string {
	names := make([]string, len(s.Options.Providers))
	for i, p := range s.Options.Providers {
		names[i] = p.Name()
	}
	return names
}

// Knows tells whether there is a provider of this name.
func (s *Service) Knows(name string) bool {
	_, exists := s.providers[name]
	return exists
}

// canStart tells whether a provider is configured so that it starts payments.
func canStart(p Provider) bool {
	only, ok := p.(CallbacksOnly)
	return !ok || !only.CallbacksOnly()
}

// provider returns the provider of this name, or ErrUnknownProvider.
func (s *Service) provider(name string) (Provider, error) {
	p, exists := s.providers[name]
	if !exists {
		return nil, fmt.Errorf("%w: %s", ErrUnknownProvider, name)
	}
	return p, nil
}

// failed wraps an error of the database, in order.ErrUnavailable when it is an outage.
func (s *Service) failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.db.IsUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, order.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// pay records money that a provider has taken. delivery names the callback or the answer that said so.
func (s *Service) pay(ctx context.Context, provider string, p Payment, delivery string) (result order.PaymentResult, err error) {
	ctx, step := s.Tracer.Join(ctx, p.OrderID, "take payment")
	defer func() { step.End(err) }()
	return s.Orders.Pay(ctx, order.Payment{
		ID: order.RecordID(provider, p.ID), Provider: provider, OrderID: p.OrderID, Amount: p.Amount, WebhookID: delivery,
		Started: p.AttemptID != "",
	})
}

// answered classifies the error of a provider's call: what it does not refuse for good may succeed later. It notes whether
// the provider is away.
func (s *Service) answered(p Provider, err error) error {
	switch {
	case errors.Is(err, context.Canceled): // by its caller, who has gone
		return fmt.Errorf("%w: %w", ErrProviderAway, err)
	case err == nil, errors.Is(err, ErrRefused), errors.Is(err, ErrUnknownRefund), errors.Is(err, ErrUnsupported):
		s.outages[p.Name()].Observe(nil)
		return err
	case errors.Is(err, ErrNothingFound):
		s.outages[p.Name()].Observe(nil)
	default:
		s.outages[p.Name()].Observe(err)
	}
	return fmt.Errorf("%w: %w", ErrProviderAway, err)
}

// failureLevel is the level at which a failure of the work on one payment is logged. Of an outage and of another account there is
// a line already, and that a payment can still be made is no failure.
func failureLevel(err error) slog.Level {
	for _, known := range []error{ErrProviderAway, order.ErrUnavailable, errOtherAccount, errStillOpen} {
		if errors.Is(err, known) {
			return slog.LevelDebug
		}
	}
	return slog.LevelWarn
}

// errEnded says that others have ended an attempt while it was being started, or have given it more time: its payer can do nothing
// with what its provider has answered. The order may be payable all the same.
var errEnded = fmt.Errorf("%w: the attempt has ended meanwhile", order.ErrNotPayable)

// Why an attempt has no end yet.
var (
	// errStillOpen says that it can still be paid.
	errStillOpen = errors.New("the payment is still open")
	// errOtherAccount says that it was started with another account of its provider, so that nobody is asked for it. The start and
	// the doctor tell of that.
	errOtherAccount = errors.New("the payment was started with another account")
)

// errUnclaimed says that no worker has a row.
var errUnclaimed = errors.New("claim")

// claim runs the statement by which a worker gets one row for itself. It fails with errUnclaimed, or with db.ErrConflict when
// another one was faster.
func (s *Service) claim(ctx context.Context, statement string, args ...any) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error { return tx.ExecGuarded(ctx, 1, statement, args...) })
	switch {
	case err == nil, errors.Is(err, db.ErrConflict):
		return err
	default:
		return fmt.Errorf("%w: %w", errUnclaimed, s.failed("claim a row", err))
	}
}

// atOnce is how many calls of one provider are made at once, of those that could be.
func (s *Service) atOnce(most int) int {
	if s.OneByOne {
		return 1
	}
	return most
}

// passOver logs a failure of the work on one row, whose turn comes again. It returns one that is not about the row: with an
// outage of the database nothing else would succeed, and what cannot be claimed is due again at once.
func (s *Service) passOver(ctx context.Context, err error, doing string, about ...any) error {
	switch {
	case errors.Is(err, db.ErrConflict): // another worker has it
		return nil
	case err == nil, ctx.Err() != nil, errors.Is(err, errUnclaimed), errors.Is(err, order.ErrUnavailable):
		return err
	}
	s.Log.Log(ctx, failureLevel(err), "the work on a payment failed", append(about, "doing", doing, "error", err)...)
	return nil
}
