package sale

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
	"boxoffice/common/mq"
	"boxoffice/common/tracing"
	"boxoffice/stock"
)

var errQueueAway = errors.New("the message queue did not answer while this purchase waited")

const (
	// A round is lost to a key that was used before, and to another process that sold the same tickets in between.
	roundsMax = 16
	// Two processes that sell the same tickets take turns to conflict; a list that conflicts this often holds a
	// purchase that cannot be stored.
	conflictsMax = 4
)

// SendHalf sends the half message of a list and, once it is stored, runs local, whose outcome it returns. An error says
// that local did not run and will not.
type SendHalf func(ctx context.Context, l stock.ReservationList, local func(context.Context) mq.Outcome) (mq.Outcome, error)

// listSeller decides one list of purchases at a time for each caller of sell.
type listSeller struct {
	planner
	send   SendHalf
	onHalf func(orders int)
	log    *slog.Logger
	tracer *tracing.Tracer
	// queueFailed is when a half message was last given up. A broker that is silent is waited for by one list; those who
	// came meanwhile would each wait as long again.
	queueFailed atomic.Pointer[time.Time]
}

// sell decides every purchase of the list. What cannot be reserved as planned is planned again from fresh reads. A list
// that conflicts again and again, or that the database refuses without saying which order it cannot store, is split, so
// that one bad purchase ends up alone and does not sink the others.
func (s *listSeller) sell(ctx context.Context, list []*purchase) {
	s.sellPart(ctx, list, &refusals{})
}

// sellPart sells a list, or a part of one that is split.
func (s *listSeller) sellPart(ctx context.Context, list []*purchase, refused *refusals) {
	conflicts := 0
	for round := 0; len(list) > 0; round++ {
		if round == roundsMax {
			answerAll(list, ErrBusy)
			return
		}
		planCtx, step := tracing.Start(withTraces(ctx, s.tracer, list), "plan purchases")
		p, err := s.plan(planCtx, list)
		step.End(err)
		if err != nil {
			answerAll(list, err)
			return
		}
		list = p.waiting
		if len(p.admitted) == 0 {
			p.wait(ctx)
			continue
		}
		v, err := s.reserve(ctx, p, refused)
		if v == conflicted {
			conflicts++
		}
		switch n := len(p.admitted); {
		case v == reserved:
			refused.end()
		case v == answered:
		case v == conflicted && (n == 1 || conflicts < conflictsMax): // plan them again
			list = append(list, p.admitted...)
		case n == 1: // the database refuses this one
			refused.add(p.admitted[0].request.BuyerID, err)
			answerAll(p.admitted, err)
		default: // one of them spoils the others
			s.log.Warn("split a list of purchases", "orders", n, "error", err)
			s.sellPart(ctx, p.admitted[:n/2], refused)
			s.sellPart(ctx, p.admitted[n/2:], refused)
		}
	}
}

// verdict is what became of a list that was sent.
type verdict int

const (
	answered     verdict = iota // every caller has an answer
	reserved                    // likewise: the tickets
	conflicted                  // the plan no longer held: nothing is reserved
	refusedWhole                // the database refused the list for a reason of its own: nothing is reserved
)

// refusals is why the database refused single purchases of a list that was split, one after the other. One that is refused for
// what it is leaves the next to be reserved; when two buyers are refused for the same with nothing reserved in between, it is the
// database that refuses everybody, in words that we do not know, and a half message for each of the others would tell no more.
type refusals struct {
	buyer string
	last  error // of one that was alone; nil when one was reserved since
	all   bool  // everybody is refused, for last
}

func (r *refusals) add(buyer string, err error) {
	r.all = r.last != nil && buyer != r.buyer && db.SameRefusal(r.last, err)
	r.buyer, r.last = buyer, err
}

func (r *refusals) end() { *r = refusals{} }

// reserve sends the admitted purchases as one half message whose local transaction reserves them all or none. The error
// says why nobody has an answer.
func (s *listSeller) reserve(ctx context.Context, p plan, refused *refusals) (verdict, error) {
	defer s.inFlight.end(p.claim)
	if refused.all {
		answerAll(p.admitted, refused.last)
		return answered, nil
	}
	if failed := s.queueFailed.Load(); failed != nil && p.admitted[0].calls[0].Came.Before(*failed) {
		answerAll(p.admitted, stock.Unavailable("send half message", errQueueAway))
		return answered, nil
	}
	ctx = withTraces(ctx, s.tracer, p.admitted)
	list := p.list(s.newID(s.now()))
	s.onHalf(len(list.Orders))
	failpoint.Hit("purchase.planned")
	local := s.stock.Begin(ctx, list)
	defer local.Abandon()
	outcome, err := s.send(ctx, list, local.Commit)
	if err != nil {
		now := time.Now()
		s.queueFailed.Store(&now)
		answerAll(p.admitted, stock.Unavailable("send half message", err))
		return answered, nil
	}
	failpoint.Hit("purchase.before-answer")
	if outcome == mq.Commit {
		s.cache.takeOff(p.tickets)
		s.tracer.Remember(tracing.From(ctx))
		logReserved(ctx, s.log, list)
		for _, bought := range p.admitted {
			bought.answer(Bought{Reservation: stock.Reservation{Order: bought.order, State: stock.Held}}, nil)
		}
		return reserved, nil
	}
	return s.rolledBack(ctx, p.admitted, outcome, local.Err())
}

// rolledBack says what to do with a list that was not reserved: plan it again, answer 503, or hold it to be refused by the
// database. It goes by the error alone, because a database that cannot write may still answer reads.
func (s *listSeller) rolledBack(ctx context.Context, list []*purchase, outcome mq.Outcome, err error) (verdict, error) {
	switch {
	case outcome == mq.Rollback && errors.Is(err, db.ErrConflict):
		s.cache.doubt()
		return conflicted, err
	case outcome != mq.Rollback, ctx.Err() != nil, errors.Is(err, stock.ErrUnavailable):
		answerAll(list, stock.Unavailable("reserve", err))
		return answered, nil
	}
	return refusedWhole, err
}
