// Package stock owns screenings, their stock and the reservations of it: the listener of a half message reserves in one
// local SQL transaction, and what happens to the order later settles the reservation.
package stock

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// What a purchase or a change of a screening can be refused for.
var (
	ErrScreeningNotFound = errors.New("screening not found")
	ErrSoldOut           = errors.New("sold out")
	ErrLimitExceeded     = errors.New("limit per buyer exceeded")
	ErrSaleNotOpen       = errors.New("sale has not opened")
	ErrSaleClosed        = errors.New("sale is closed")
	ErrBusy              = errors.New("other transactions kept changing the same rows")
	ErrUnavailable       = errors.New("message queue or database is away")
	ErrCapacityTooSmall  = errors.New("capacity is below what is reserved and sold")
	ErrReservationAbsent = errors.New("reservation not found")
	ErrInvalid           = errors.New("value out of range")
	ErrCursorInvalid     = errors.New("cursor was not given out by this service")
)

const (
	defaultSweepGrace = 10 * time.Second

	// ListMax is how many reservations a transaction may make. SQLite takes 32766 parameters in a statement, of which a
	// reservation needs 11, and expressions 1000 levels deep, of which each limited screening of a list needs one.
	ListMax = 500
)

// Options are the choices of a Stock. The zero value of a field stands for its default.
type Options struct {
	SweepGrace time.Duration // from expiry to the first sweep; 10 seconds
	Now        func() time.Time
	Log        *slog.Logger
}

// Stock is the rows of one stock database. Any number of processes may share them.
type Stock struct {
	db         *db.DB
	sweepGrace time.Duration
	now        func() time.Time
	log        *slog.Logger
	filter     filterCache

	watching sync.RWMutex
	watchers []func(screeningID string)
}

// New returns the stock that d holds. It needs no message queue.
func New(d *db.DB, o Options) *Stock {
	if o.SweepGrace <= 0 {
		o.SweepGrace = defaultSweepGrace
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Stock{db: d, sweepGrace: o.SweepGrace, now: o.Now, log: o.Log}
}

// Watch calls f with the id of each screening that this process changes, before the call that changes it returns.
func (s *Stock) Watch(f func(screeningID string)) {
	s.watching.Lock()
	defer s.watching.Unlock()
	s.watchers = append(s.watchers, f)
}

func (s *Stock) changed(screeningID string) {
	s.watching.RLock()
	defer s.watching.RUnlock()
	for _, f := range s.watchers {
		f(screeningID)
	}
}

// away marks a failure as one that another try may not meet.
func away(doing string, err error) error { return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, err) }

// failed says what a call of the database was for, and marks an error that passes when the database is well again.
func (s *Stock) failed(doing string, err error) error {
	if s.db.IsUnavailable(err) {
		return away(doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Screening is one showing of a movie at a venue, with its stock. Available + Reserved + Sold = Capacity.
type Screening struct {
	ID           string
	Movie        string
	Venue        string
	StartsAt     time.Time
	Price        event.Money // of one ticket
	Capacity     int64
	Available    int64
	Reserved     int64
	Sold         int64
	SaleOpensAt  time.Time
	SaleClosesAt time.Time
	PerUserLimit int64 // tickets that one buyer may hold; 0 is no limit

	Sales        int64 // orders that were made for it and are in the database
	LimitChanges int64 // how often PerUserLimit was changed: what was planned before a change fails after it
	Archived     bool  // its sale is over for good
}

// Sales picks screenings by their sale.
type Sales int

// The choices. A sale that is to open is upcoming, as one that is open.
const (
	AllSales Sales = iota
	UpcomingSales
	ClosedSales
)

// ScreeningChange says what to change; nil leaves a field as it is.
type ScreeningChange struct {
	Capacity     *int64
	SaleOpensAt  *time.Time
	SaleClosesAt *time.Time
	PerUserLimit *int64
}

// ReservationState is where a reservation stands.
type ReservationState string

// A reservation leaves Held once, for one of the others.
const (
	Held     ReservationState = "reserved"
	Sold     ReservationState = "sold"
	Released ReservationState = "released"
)

// Reservation is the tickets that stock holds for one order.
type Reservation struct {
	event.Order
	State ReservationState
}
