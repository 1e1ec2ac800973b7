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
)

const (
	defaultSweepGrace = 10 * time.Second

	// ListMax is how many reservations a transaction may make. SQLite takes expressions 1000 levels deep, of which each
	// limited screening of a list needs one (Holdings).
	ListMax = 500
)

// Options are the choices of a Stock. The zero value of a field stands for its default.
type Options struct {
	SweepGrace time.Duration // from expiry to the first sweep; 10 seconds
	AskGrace   time.Duration // after expiry, in which an order may wait for its payment provider
	Now        func() time.Time
	Log        *slog.Logger
}

// Stock is the stock service over its database. Any number of processes may share one database.
type Stock struct {
	db         *db.DB
	sweepGrace time.Duration
	askGrace   time.Duration
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
	return &Stock{db: d, sweepGrace: o.SweepGrace, askGrace: o.AskGrace, now: o.Now, log: o.Log}
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

// Unavailable marks a failure as one that another try may not meet.
func Unavailable(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, err)
}

// again runs the rounds of a transaction that others may overtake, and fails with ErrBusy when they always do.
func (s *Stock) again(doing string, rounds int, round func() error) error {
	err := s.db.Again(rounds, round)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, db.ErrOvertaken):
		return fmt.Errorf("%w: %s: %w", ErrBusy, doing, err)
	}
	return s.failed(doing, err)
}

// failed says what a call of the database was for, and marks an error that passes when the database is well again.
func (s *Stock) failed(doing string, err error) error {
	if s.db.IsUnavailable(err) {
		return Unavailable(doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
