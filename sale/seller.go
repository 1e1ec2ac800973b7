// Package sale decides purchases. It gathers those that come at the same time into a list, checks the list against a cache
// and the database, and sends those that can be served as one half message; its local transaction, in package stock,
// reserves their tickets, all or none. The others are refused without a message.
package sale

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/common/tracing"
	"boxoffice/stock"
)

const (
	// A full list may go out beside the one that commits; more of them would only wait for the database.
	sellerWorkers = 2
	sellerQueue   = 8192

	defaultPayWindow = 15 * time.Minute
	defaultMaxBatch  = 256
)

// Options are the choices of a Seller. The zero value of a field stands for its default.
type Options struct {
	PayWindow time.Duration // from reservation to expiry; 15 minutes
	MaxBatch  int           // purchases in one half message, 1 to stock.ListMax; 256
	Now       func() time.Time
	Log       *slog.Logger
	OnHalf    func(orders int) // is told how many orders a half message carries that is about to be sent
	Tracer    *tracing.Tracer  // nil traces nothing

	// Ages measures how old a reading is; it never jumps, as the sale's own time may. NewID makes the ids of orders and of
	// transactions. A simulation sets both, so that it can be repeated.
	Ages  func() time.Time
	NewID func(now time.Time) string
}

func (o *Options) complete() {
	if o.PayWindow <= 0 {
		o.PayWindow = defaultPayWindow
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = defaultMaxBatch
	}
	o.MaxBatch = min(o.MaxBatch, stock.ListMax)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ages == nil {
		o.Ages = time.Now
	}
	if o.NewID == nil {
		o.NewID = stock.NewID
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnHalf == nil {
		o.OnHalf = func(int) {}
	}
}

// Seller sells: concurrent purchases share one half message and one SQL transaction.
type Seller struct {
	listSeller
	group       *batch.Group[Request, Bought]
	maxBatch    int
	reader      *saleReader
	loader      *requestLoader
	stopReading func()
}

// NewSeller starts selling from s through t, whose check-back must be s.Check. Close the seller before t. The end of
// ctx does not cut short what has been accepted; Close waits for it.
func NewSeller(ctx context.Context, s *stock.Stock, t *mq.Transactor, o Options) *Seller {
	seller := newSeller(s, o, func(ctx context.Context, l stock.ReservationList, local func(context.Context) mq.Outcome) (mq.Outcome, error) {
		return mq.SendHalf(ctx, t, event.StockReserved, l.TxID, event.Reserved{Orders: l.Orders}, local)
	})
	seller.start(ctx)
	return seller
}

// newSeller returns a seller that is not started: its lists are handed to sell by its caller.
func newSeller(s *stock.Stock, o Options, send SendHalf) *Seller {
	o.complete()
	c := newCache(o.Ages)
	loader := newRequestLoader(s, c, o.Log)
	s.Watch(c.forget)
	return &Seller{
		listSeller: listSeller{
			planner: planner{stock: s, cache: c, inFlight: newInFlight(), now: o.Now, payWindow: o.PayWindow, newID: o.NewID},
			send:    send, onHalf: o.OnHalf, log: o.Log, tracer: o.Tracer,
		},
		maxBatch: o.MaxBatch, reader: newSaleReader(s, c, loader, o.Now, o.Log), loader: loader,
	}
}

func (s *Seller) start(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	readCtx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() { s.reader.run(readCtx) })
	reading.Go(func() { s.loader.run(readCtx) })
	s.stopReading = func() { cancel(); reading.Wait() }
	s.group = batch.Start(ctx, batch.Options{
		Max: s.maxBatch, Workers: sellerWorkers, Queue: sellerQueue, Wait: QueueTimeout, Timeout: ListTimeout, Log: s.log,
	}, func(ctx context.Context, calls []*call) {
		traceWaits(s.tracer, calls)
		s.sell(ctx, gather(calls))
	})
}

// Decider is a Seller without its queue and its background work: whoever calls it says which purchases come together, and
// nothing goes on between two calls. Simulations decide by it what a Seller would decide, again and again in the same order.
type Decider struct{ seller *Seller }

// NewDecider returns a decider for s that sends half messages by send.
func NewDecider(s *stock.Stock, o Options, send SendHalf) *Decider {
	return &Decider{newSeller(s, o, send)}
}

// Decided is the answer to a purchase: what Seller.Purchase would have returned.
type Decided struct {
	Bought
	Err error
}

// Decide decides purchases that come together, and answers them in their order.
func (d *Decider) Decide(ctx context.Context, requests ...Request) []Decided {
	ctx, cancel := context.WithTimeout(ctx, ListTimeout)
	defer cancel()
	decided, calls := make([]Decided, len(requests)), make([]*call, len(requests))
	var taken []*call
	for i, r := range requests {
		calls[i] = batch.NewCall[Request, Bought](ctx, r)
		if err := r.validate(); err != nil {
			calls[i].Answer(Bought{}, err)
			continue
		}
		taken = append(taken, calls[i])
	}
	d.seller.sell(ctx, gather(taken))
	for i, c := range calls {
		decided[i].Bought, decided[i].Err = c.Answered()
	}
	return decided
}

// Close takes no more purchases and returns when those that were taken have their answers. It is idempotent.
func (s *Seller) Close() {
	s.group.Close()
	s.stopReading()
}

// Waiting is the number of purchases in the queue.
func (s *Seller) Waiting() int { return s.group.Waiting() }

// Purchase reserves tickets and returns once the reservation is durable. A repeated (BuyerID, Key) returns the
// reservation that is there, whatever its state. The refusals are ErrKeyReused and those of stock: ErrScreeningNotFound,
// ErrSaleNotOpen, ErrSaleClosed, ErrSalePaused, ErrCancelled, ErrLimitExceeded, ErrSoldOut and ErrInvalid; after ErrBusy nothing is
// reserved; after stock.ErrUnavailable the same key, sent again, finds out what happened.
func (s *Seller) Purchase(ctx context.Context, r Request) (Bought, error) {
	if err := r.validate(); err != nil {
		return Bought{}, err
	}
	bought, err := s.group.Do(ctx, r)
	switch {
	case errors.Is(err, batch.ErrFull):
		return Bought{}, ErrBusy
	case errors.Is(err, batch.ErrClosed), errors.Is(err, batch.ErrUnanswered), err != nil && ctx.Err() != nil:
		return Bought{}, stock.Unavailable("purchase", err)
	}
	return bought, err
}

// Refuse says why a purchase cannot succeed now: stock.ErrSoldOut, ErrSaleNotOpen, ErrSaleClosed, ErrSalePaused or ErrCancelled.
// Nil says nothing: Purchase decides. It waits for one reading of the database, or for the end of ctx.
func (s *Seller) Refuse(ctx context.Context, screeningID, buyerID, key string) error {
	return s.reader.refuse(ctx, screeningID, buyerID, key)
}

// CacheStats is what memory holds of the screenings on sale, and what it has read for those that are over.
type CacheStats struct {
	Screenings int
	Orders     int64
	Bytes      int64 // about
	Readings   int64 // each answers all who waited for it
	Pages      int64 // of orders
}

// CacheStats returns how things stand.
func (s *Seller) CacheStats() CacheStats {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	stats := CacheStats{Screenings: len(s.cache.entries), Readings: s.reader.readings.Load(), Pages: s.loader.pages.Load()}
	for _, e := range s.cache.entries {
		stats.Orders += e.requests.size()
	}
	stats.Bytes = stats.Orders * requestBytes
	return stats
}
