package notify

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/outage"
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

// Purchase is an order as the stock service knows it, which it does from before the order service has it.
type Purchase struct {
	event.Order
	Held bool // its tickets are reserved: neither paid for nor given back, as far as stock knows
}

// Options configures a Service. Orders, Now and Log are required everywhere, and Senders where messages are made: what is
// told by a channel that has no Sender is not written. A process that sends, or shows messages, needs ScreeningOf and
// PublicURL as well.
type Options struct {
	Orders      Orders
	Tickets     Tickets                                                       // nil: this office makes none
	ScreeningOf func(ctx context.Context, id string) (Screening, error)       // as the stock service knows it
	OrdersOf    func(ctx context.Context, buyerID string) ([]Purchase, error) // a buyer's latest, bounded; nil: none
	PublicURL   func() string                                                 // of the office's pages, without a slash at the end
	Senders     map[Channel]Sender                                            // by what is configured
	Location    *time.Location                                                // of the times in texts; nil is the process's (TZ)
	Process     string                                                        // what this process is called in what it writes; may be empty
	Now         func() time.Time
	Log         *slog.Logger

	MaxTries int // after which a notification is dead; default 15: half a day. Of an outage's tries few count
	Workers  int // messages of one channel that are sent at once; default 4
}

const (
	defaultMaxTries = 15
	defaultWorkers  = 4

	sendPatience = 3 // how many tries find nobody, one after the other, until who carries messages counts as away
)

// Service is the notifications of an office over their database. It is safe for concurrent use, also by several processes
// on one database.
type Service struct {
	Options
	db      *db.DB
	texts   func() (*texts, error)
	drawing sync.Mutex // of QR codes: one at a time, since others need the cores
	outages map[Channel]*outage.Outage
}

// New returns the service over a database that has its schema. It needs no closing; SendEvery does its work in the
// background.
func New(d *db.DB, options Options) *Service {
	s := &Service{Options: options, db: d, texts: sync.OnceValues(readTexts), outages: map[Channel]*outage.Outage{}}
	s.MaxTries, s.Workers = cmp.Or(s.MaxTries, defaultMaxTries), cmp.Or(s.Workers, defaultWorkers)
	s.Location, s.Process = cmp.Or(s.Location, time.Local), shortened(s.Process, processMax)
	for channel := range s.Senders {
		s.outages[channel] = outage.New(s.Log, "who carries "+string(channel), sendPatience)
	}
	return s
}

// unavailable wraps an error in ErrUnavailable when it is an outage of the database, after which a retry may succeed.
func (s *Service) unavailable(err error) error {
	if s.db.IsUnavailable(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
