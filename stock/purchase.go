package stock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"boxoffice/common/batch"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

const (
	buyerIDMax     = 255
	keyMax         = 255
	screeningIDMax = 64

	// A full list may go out beside the one that commits; more of them would only wait for the database.
	sellerWorkers = 2
	sellerQueue   = 8192
	listTimeout   = 15 * time.Second
	// A round is lost to a key that was used before, and to another process that sold the same tickets in between.
	roundsMax = 16
	// Two processes that sell the same tickets take turns to conflict; a list that conflicts this often holds a
	// purchase that cannot be stored.
	conflictsMax = 4
)

var errQueueAway = errors.New("the message queue did not answer while this purchase waited")

type call = batch.Call[PurchaseRequest, Reservation]

// Seller sells: concurrent purchases share one half message and one SQL transaction.
type Seller struct {
	stock    *Stock
	send     sendHalf
	group    *batch.Group[PurchaseRequest, Reservation]
	inFlight *inFlight
	view     *view
	// queueFailed is when a half message was last given up. A broker that is silent is waited for by one list; those who
	// came meanwhile would each wait as long again.
	queueFailed atomic.Pointer[time.Time]
	stopView    func()
}

// sendHalf sends the half message of a list and, once it is stored, runs local, whose outcome it returns. An error says
// that local did not run and will not.
type sendHalf func(ctx context.Context, l reserveList, local func(context.Context) mq.Outcome) (mq.Outcome, error)

// NewSeller starts selling from s through t, whose check-back must be s.Check. Close the seller before t. The end of
// ctx does not cut short what has been accepted; Close waits for it.
func NewSeller(ctx context.Context, s *Stock, t *mq.Transactor) *Seller {
	seller := newSeller(s, func(ctx context.Context, l reserveList, local func(context.Context) mq.Outcome) (mq.Outcome, error) {
		return mq.SendHalf(ctx, t, event.StockReserved, l.txID, event.Reserved{Orders: l.orders}, local)
	})
	seller.start(ctx)
	return seller
}

func (s *Seller) start(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	viewCtx, cancel := context.WithCancel(ctx)
	var viewing sync.WaitGroup
	viewing.Go(func() { s.view.run(viewCtx) })
	s.stopView = func() { cancel(); viewing.Wait() }
	s.group = batch.Start(ctx, batch.Options{
		Max: s.stock.opts.MaxBatch, Workers: sellerWorkers, Queue: sellerQueue, Timeout: listTimeout,
	}, func(ctx context.Context, calls []*call) { s.sell(ctx, gather(calls)) })
}

// newSeller returns a seller that is not started: its lists are handed to sell by its caller.
func newSeller(s *Stock, send sendHalf) *Seller {
	return &Seller{stock: s, send: send, inFlight: newInFlight(), view: newView(s, time.Now)}
}

// Close takes no more purchases and returns when those that were taken have their answers. It is idempotent.
func (s *Seller) Close() {
	s.group.Close()
	s.stopView()
}

// Waiting is the number of purchases in the queue.
func (s *Seller) Waiting() int { return s.group.Waiting() }

// Purchase reserves tickets and returns once the reservation is durable. A repeated (BuyerID, Key) returns the
// reservation that is there, whatever its state. The refusals are ErrScreeningNotFound, ErrSaleNotOpen, ErrSaleClosed,
// ErrLimitExceeded, ErrSoldOut, ErrKeyReused and ErrInvalid; after ErrBusy nothing is reserved; after ErrUnavailable
// the same key, sent again, finds out what happened.
func (s *Seller) Purchase(ctx context.Context, r PurchaseRequest) (Reservation, error) {
	if err := r.validate(); err != nil {
		return Reservation{}, err
	}
	reservation, err := s.group.Do(ctx, r)
	switch {
	case errors.Is(err, batch.ErrFull):
		return Reservation{}, ErrBusy
	case errors.Is(err, batch.ErrClosed), errors.Is(err, batch.ErrUnanswered), err != nil && ctx.Err() != nil:
		return Reservation{}, away("purchase", err)
	}
	return reservation, err
}

// validate keeps out what a database would refuse, because there one bad value costs a whole list.
func (r PurchaseRequest) validate() error {
	switch {
	case !isText(r.BuyerID, buyerIDMax):
		return fmt.Errorf("%w: buyer id", ErrInvalid)
	case r.Key == "" || len(r.Key) > keyMax:
		return fmt.Errorf("%w: idempotency key", ErrInvalid)
	case r.Quantity < 1:
		return fmt.Errorf("%w: quantity", ErrInvalid)
	case !isText(r.ScreeningID, screeningIDMax):
		return ErrScreeningNotFound
	}
	return nil
}

func isText(s string, bytesMax int) bool { return s != "" && len(s) <= bytesMax && utf8.ValidString(s) }

// purchase is one order in the making, and the callers who ask for it.
type purchase struct {
	id      string // RequestID
	request PurchaseRequest
	calls   []*call
	order   event.Order // what the plan that admitted it will reserve
}

func (p *purchase) compare(other *purchase) int { return strings.Compare(p.id, other.id) }

func (p *purchase) answer(r Reservation, err error) {
	for _, c := range p.calls {
		c.Answer(r, err)
	}
}

// gather makes one purchase of the calls that say the same. Those that use one key for different purchases stay apart:
// the later one waits until the earlier one is decided.
func gather(calls []*call) []*purchase {
	list := make([]*purchase, 0, len(calls))
	seen := make(map[PurchaseRequest]*purchase, len(calls))
	for _, c := range calls {
		p, known := seen[c.In]
		if !known {
			p = &purchase{id: RequestID(c.In.BuyerID, c.In.Key), request: c.In}
			seen[c.In] = p
			list = append(list, p)
		}
		p.calls = append(p.calls, c)
	}
	return list
}

// sell decides every purchase of the list. What cannot be reserved as planned is planned again from fresh reads. A list
// that conflicts again and again, or that the database refuses without saying which order it cannot store, is split, so
// that one bad purchase ends up alone and does not sink the others.
func (s *Seller) sell(ctx context.Context, list []*purchase) {
	conflicts := 0
	for round := 0; len(list) > 0; round++ {
		if round == roundsMax {
			refuse(list, ErrBusy)
			return
		}
		p, err := s.plan(ctx, list)
		if err != nil {
			refuse(list, err)
			return
		}
		list = p.waiting
		if len(p.admitted) == 0 {
			p.wait(ctx)
			continue
		}
		v, err := s.reserve(ctx, p)
		if v == conflicted {
			conflicts++
		}
		switch alone := len(p.admitted) == 1; {
		case v == conflicted && (alone || conflicts < conflictsMax):
			list = append(list, p.admitted...)
		case v == refusedWhole && alone:
			refuse(p.admitted, err)
		case v != answered:
			s.stock.log.Warn("split a list of purchases", "orders", len(p.admitted), "error", err)
			s.sell(ctx, p.admitted[:len(p.admitted)/2])
			s.sell(ctx, p.admitted[len(p.admitted)/2:])
		}
	}
}

func refuse(list []*purchase, err error) {
	for _, p := range list {
		p.answer(Reservation{}, err)
	}
}

// verdict is what became of a list that was sent.
type verdict int

const (
	answered     verdict = iota // every caller has an answer
	conflicted                  // the plan no longer held: nothing is reserved
	refusedWhole                // the database refused the list for a reason of its own: nothing is reserved
)

// reserve sends the admitted purchases as one half message whose local transaction reserves them all or none. The error
// says why the verdict is not answered.
func (s *Seller) reserve(ctx context.Context, p plan) (verdict, error) {
	defer s.inFlight.end(p)
	if failed := s.queueFailed.Load(); failed != nil && p.admitted[0].calls[0].Came.Before(*failed) {
		refuse(p.admitted, away("send half message", errQueueAway))
		return answered, nil
	}
	list := p.list(NewID(s.stock.now()), s.stock.opts)
	s.stock.opts.OnHalf(len(list.orders))
	draft := s.stock.draft(ctx, list)
	defer draft.abandon()
	outcome, err := s.send(ctx, list, draft.commit)
	if err != nil {
		now := time.Now()
		s.queueFailed.Store(&now)
		refuse(p.admitted, away("send half message", err))
		return answered, nil
	}
	if outcome == mq.Commit {
		s.stock.memory.sold(p.tickets)
		for _, bought := range p.admitted {
			bought.answer(Reservation{Order: bought.order, State: Held}, nil)
		}
		return answered, nil
	}
	return s.rolledBack(ctx, p.admitted, outcome, draft.err)
}

// rolledBack sorts out why a list is not reserved, by the error alone: a database that is asked afterwards may answer
// although it could not write.
func (s *Seller) rolledBack(ctx context.Context, list []*purchase, outcome mq.Outcome, err error) (verdict, error) {
	switch {
	case outcome == mq.Rollback && errors.Is(err, errConflict):
		s.stock.memory.doubt()
		return conflicted, err
	case outcome == mq.Rollback && errors.Is(err, db.ErrCommitInDoubt):
		return conflicted, err // the fence has told that it did not happen
	case outcome != mq.Rollback, ctx.Err() != nil, s.stock.db.IsUnavailable(err):
		refuse(list, away("reserve", err))
		return answered, nil
	}
	return refusedWhole, fmt.Errorf("reserve: %w", err)
}
