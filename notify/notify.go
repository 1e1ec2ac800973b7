package notify

import (
	"context"
	"log/slog"
	"time"

	"boxoffice/common/db"
	"boxoffice/order"
	"boxoffice/tickets"
)

// Orders is what this package reads of the order service. Find leaves absent ids out of its answer.
type Orders interface {
	Find(ctx context.Context, ids ...string) (map[string]order.Order, error)
}

// Tickets is what this package reads of the tickets.
type Tickets interface {
	OfOrder(ctx context.Context, orderID string) ([]tickets.Ticket, error)
}

// Screening is what the texts say of a screening.
type Screening struct {
	ID, Movie, Venue string
	StartsAt         time.Time
}

// Options configures a Service. Orders, Now and Log are required everywhere; a process that sends, or shows messages, needs
// ScreeningOf, PublicURL and Senders as well.
type Options struct {
	Orders      Orders
	Tickets     Tickets                                                     // nil: this office makes none
	ScreeningOf func(ctx context.Context, id string) (Screening, error)     // as the stock service knows it
	OrdersOf    func(ctx context.Context, buyerID string) ([]string, error) // ids of a buyer's latest orders, bounded; nil: none
	PublicURL   func() string                                               // of the office's pages, without a slash at the end
	Senders     map[Channel]Sender                                          // by what is configured; the others' notifications are not made
	Location    *time.Location                                              // of the times in texts; nil is UTC
	Now         func() time.Time
	Log         *slog.Logger

	MaxTries int // after which a notification is dead; default 15: half a day
	Workers  int // messages of one channel that are sent at once; default 4
}

// Service is the notifications of an office over their database. It is safe for concurrent use, also by several processes
// on one database.
type Service struct {
	Options
	db *db.DB
}

// New returns the service over a database that has its schema.
func New(d *db.DB, options Options) *Service { return &Service{Options: options, db: d} }
