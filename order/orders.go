package order

import (
	"context"
	"log/slog"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// Options are the choices of Orders. Every field is required.
type Options struct {
	Now      func() time.Time
	Log      *slog.Logger
	MaxBatch int // payments in one transaction and orders in one message
}

// Orders is the order service.
type Orders struct{}

// New starts the order service. End it with Close.
func New(_ context.Context, _ *db.DB, _ *mq.Sender, _ Options) *Orders { return &Orders{} }

// Close ends the order service.
func (o *Orders) Close() {}

// Create handles stock-reserved.
func (o *Orders) Create(context.Context, event.Reserved) error { return ErrUnavailable }

// Timeout handles payment-due.
func (o *Orders) Timeout(context.Context, event.Due) error { return ErrUnavailable }

// Pay takes a payment.
func (o *Orders) Pay(context.Context, Payment) (PaymentResult, error) { return "", ErrUnavailable }

// Cancel cancels an order for its buyer.
func (o *Orders) Cancel(context.Context, event.Order) (Order, error) { return Order{}, ErrUnavailable }

// Find reads orders by id; those that do not exist are absent.
func (o *Orders) Find(context.Context, ...string) (map[string]Order, error) {
	return nil, ErrUnavailable
}
