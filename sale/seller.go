// Package sale takes a purchase from its request to its half message. Concurrent purchases share one: what is known of their
// screenings makes a plan, the plan is sent, and stock reserves it in the local transaction of the half message. Who cannot
// be served is refused without one.
package sale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/common/batch"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock"
)

// The bounds of a request.
const (
	KeyMax      = 255 // bytes
	QuantityMax = 100 // tickets
)

const (
	// A full list may go out beside the one that commits; more of them would only wait for the database.
	sellerWorkers = 2
	sellerQueue   = 8192

	defaultPayWindow = 15 * time.Minute
	defaultMaxBatch  = 256
)

// ListTimeout bounds a list of purchases from the moment when it is closed.
const ListTimeout = 15 * time.Second

// Why a purchase fails that might have been served.
var (
	ErrBusy      = errors.New("too many purchases in flight")
	ErrKeyReused = errors.New("idempotency key was used for another purchase")

	errQueueAway = errors.New("the message queue did not answer while this purchase waited")
)

// Options are the choices of a Seller. The zero value of a field stands for its default.
type Options struct {
	PayWindow time.Duration // from reservation to expiry; 15 minutes
	MaxBatch  int           // purchases in one half message, 1 to stock.ListMax; 256
	Now       func() time.Time
	Log       *slog.Logger
	OnHalf    func(orders int) // is told how many orders each half message carries
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
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnHalf == nil {
		o.OnHalf = func(int) {}
	}
}

// Request asks for Quantity tickets. The same (BuyerID, Key) is the same order, however often it is sent.
type Request struct {
	BuyerID     string
	Key         string
	ScreeningID string
	Quantity    int64
}

// validate keeps out what a database would refuse, because there one bad value costs a whole list.
func (r Request) validate() error {
	switch {
	case !stock.IsBuyerID(r.BuyerID):
		return fmt.Errorf("%w: buyer id", stock.ErrInvalid)
	case r.Key == "" || len(r.Key) > KeyMax:
		return fmt.Errorf("%w: idempotency key", stock.ErrInvalid)
	case r.Quantity < 1 || r.Quantity > QuantityMax:
		return fmt.Errorf("%w: quantity", stock.ErrInvalid)
	case !stock.IsScreeningID(r.ScreeningID):
		return stock.ErrScreeningNotFound
	}
	return nil
}

// Seller sells: concurrent purchases share one half message and one SQL transaction.
type Seller struct {
	stock    *stock.Stock
	opts     Options
	send     sendHalf
	group    *batch.Group[Request, stock.Reservation]
	inFlight *inFlight
	cache    *cache
	reader   *saleReader
	loader   *requestLoader
	// queueFailed is when a half message was last given up. A broker that is silent is waited for by one list; those who
	// came meanwhile would each wait as long again.
	queueFailed atomic.Pointer[time.Time]
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
func newSeller(s *stock.Stock, o Options, send sendHalf) *Seller {
	o.complete()
	c := newCache(time.Now)
	loader := newRequestLoader(s, c, o.Log)
	s.Watch(c.forget)
	return &Seller{
		stock: s, opts: o, send: send, inFlight: newInFlight(), cache: c, loader: loader,
		reader: newSaleReader(s, c, loader, o.Now, o.Log),
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
		Max: s.opts.MaxBatch, Workers: sellerWorkers, Queue: sellerQueue, Timeout: ListTimeout,
	}, func(ctx context.Context, calls []*call) { s.sell(ctx, gather(calls)) })
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
// ErrSaleNotOpen, ErrSaleClosed, ErrLimitExceeded, ErrSoldOut and ErrInvalid; after ErrBusy nothing is reserved; after
// stock.ErrUnavailable the same key, sent again, finds out what happened.
func (s *Seller) Purchase(ctx context.Context, r Request) (stock.Reservation, error) {
	if err := r.validate(); err != nil {
		return stock.Reservation{}, err
	}
	reservation, err := s.group.Do(ctx, r)
	switch {
	case errors.Is(err, batch.ErrFull):
		return stock.Reservation{}, ErrBusy
	case errors.Is(err, batch.ErrClosed), errors.Is(err, batch.ErrUnanswered), err != nil && ctx.Err() != nil:
		return stock.Reservation{}, away("purchase", err)
	}
	return reservation, err
}

// away marks a failure as one that another try may not meet.
func away(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", stock.ErrUnavailable, doing, err)
}
