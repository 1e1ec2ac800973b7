package payment

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice/common/db"
)

// boundsProvider notes how long each call of a provider may take.
type boundsProvider struct {
	*fakeProvider
	bounds map[string][]time.Duration // by call; a call without a bound has one of a year
}

// note is called by one call after the other: a test has one row.
func (p boundsProvider) note(ctx context.Context, call string) {
	bound := 365 * 24 * time.Hour
	if deadline, bounded := ctx.Deadline(); bounded {
		bound = time.Until(deadline)
	}
	p.bounds[call] = append(p.bounds[call], bound)
}

func (p boundsProvider) Start(ctx context.Context, a Attempt) (Started, error) {
	p.note(ctx, "start")
	return p.fakeProvider.Start(ctx, a)
}

func (p boundsProvider) Query(ctx context.Context, a Attempt) (Status, error) {
	p.note(ctx, "query")
	return p.fakeProvider.Query(ctx, a)
}

func (p boundsProvider) Close(ctx context.Context, a Attempt) (Status, error) {
	p.note(ctx, "close")
	return p.fakeProvider.Close(ctx, a)
}

func (p boundsProvider) Refund(ctx context.Context, r Refund) (RefundStatus, error) {
	p.note(ctx, "refund")
	return p.fakeProvider.Refund(ctx, r)
}

func (p boundsProvider) QueryRefund(ctx context.Context, r Refund) (RefundStatus, error) {
	p.note(ctx, "query refund")
	return p.fakeProvider.QueryRefund(ctx, r)
}

// A provider that takes a connection and never answers held its caller for ever: a buyer's request, a worker with all the rows
// behind its one, or the cancellation of orders. No call may take longer than ten seconds, whoever makes it.
func TestEachCallOfAProviderIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(f *fixture)
		calls []string
	}{
		"to start": {func(f *fixture) { f.start(f.create(time.Hour)) }, []string{"start"}},
		"to start what no payer could pay": {func(f *fixture) {
			f.provider.set(func(p *fakeProvider) { p.action = &Action{Kind: Redirect, URL: "javascript:alert(1)"} })
			if _, err := f.payments.Start(f.t.Context(), f.create(time.Hour), "fake", ""); err == nil {
				f.t.Error("it is started")
			}
		}, []string{"start", "close"}},
		"for a new code": {func(f *fixture) {
			f.provider.set(func(p *fakeProvider) { p.lives = time.Minute })
			o := f.create(time.Hour)
			f.start(o)
			f.advance(2 * time.Minute)
			f.start(o)
		}, []string{"start", "start"}},
		"to ask again": {func(f *fixture) {
			f.start(f.create(time.Hour))
			f.advance(firstAskPause)
			f.work()
		}, []string{"start", "query"}},
		"at the deadline": {func(f *fixture) {
			o := f.create(time.Hour)
			f.start(o)
			f.advance(time.Hour)
			f.due(o)
		}, []string{"start", "close"}},
		"at the deadline, after a start without an answer": {func(f *fixture) {
			o := f.create(time.Hour)
			f.provider.set(func(p *fakeProvider) { p.cut["start"] = true })
			if _, err := f.payments.Start(f.t.Context(), o, "fake", ""); err == nil {
				f.t.Error("started without an answer")
			}
			f.provider.set(func(p *fakeProvider) { p.cut["start"] = false })
			f.advance(time.Hour)
			f.due(o)
		}, []string{"start", "start", "close"}},
		"by a callback of a lost attempt": {func(f *fixture) {
			f.provider.shared = true
			o := f.create(time.Hour)
			id := attemptID(o.ID, "fake", 0)
			f.callbackOf("fake", Report{ID: "evt", Payments: []Payment{
				{ID: "p", AttemptID: id, Reference: "ref-" + id, OrderID: o.ID, Amount: o.Amount},
			}})
		}, []string{"query"}},
		"to refund, and to follow it": {func(f *fixture) {
			f.lateRefund()
			f.provider.set(func(p *fakeProvider) { p.pending = true })
			f.work()
			f.advance(lastRefundPause)
			f.work()
		}, []string{"refund", "query refund"}},
		"to ask after a refusal": {func(f *fixture) {
			f.lateRefund()
			f.provider.set(func(p *fakeProvider) { p.cut["refund"] = true })
			f.work()
			f.provider.set(func(p *fakeProvider) { p.cut["refund"], p.fail["refund"] = false, ErrRefused })
			f.advance(lastRefundPause)
			f.work()
		}, []string{"refund", "refund", "query refund"}},
		"to ask after a failure of what was done": {func(f *fixture) {
			f.lateRefund()
			f.work()
			f.tell(f.wantRefund(refundDone).ID, RefundFailed)
		}, []string{"refund", "query refund"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			p := boundsProvider{f.provider, map[string][]time.Duration{}}
			options := f.payments.Options
			options.Providers = []Provider{p, f.other}
			f.payments = New(f.db, options)
			t.Cleanup(f.payments.Close)
			c.do(f)
			want := map[string]int{}
			for _, call := range c.calls {
				want[call]++
			}
			if fmt.Sprint(counts(p.bounds)) != fmt.Sprint(want) {
				t.Errorf("called %v, want %v", counts(p.bounds), want)
			}
			for call, bounds := range p.bounds {
				for _, bound := range bounds {
					if bound <= 0 || bound > callTimeout {
						t.Errorf("%s may take %s, want %s at most", call, bound, callTimeout)
					}
				}
			}
		})
	}
}

func counts(bounds map[string][]time.Duration) map[string]int {
	n := map[string]int{}
	for call, made := range bounds {
		n[call] = len(made)
	}
	return n
}

// hangingProvider answers no call before its caller gives up.
type hangingProvider struct{ Provider }

func (hangingProvider) Close(ctx context.Context, _ Attempt) (Status, error) {
	<-ctx.Done()
	return Status{}, ctx.Err()
}

// One call after the other had its ten seconds: a list of orders with a provider that hangs took minutes, in which whoever
// handled it handled nothing else, and the message came again meanwhile. All questions for one list together are bounded.
func TestQuestionsForOneListAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(&db.DB{}, Options{
			Providers: []Provider{hangingProvider{newFakeProvider()}}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		defer s.Close()
		rows := make([]attemptRow, 4*askWorkers)
		for i := range rows {
			id := fmt.Sprint("order-", i)
			rows[i] = attemptRow{ID: attemptID(id, "fake", 0), OrderID: id, Provider: "fake", State: Open, Reference: "ref"}
		}
		groups, later := s.takeTurns(rows)
		begun := time.Now()
		unanswered := s.askAll(t.Context(), groups)
		if took := time.Since(begun); took != AskTimeout {
			t.Errorf("it took %s, want %s", took, AskTimeout)
		}
		if len(unanswered) != len(rows) || len(later) != 0 {
			t.Errorf("of %d orders %d are unanswered and %d put off", len(rows), len(unanswered), len(later))
		}
	})
}
