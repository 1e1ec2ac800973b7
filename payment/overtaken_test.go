package payment

import (
	"context"
	"errors"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/order"
)

// newFailedRefund returns a fixture with a refund that has got no answer so often that its next try is minutes away.
func newFailedRefund(t testing.TB) (*fixture, RefundInfo) {
	t.Helper()
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	for range 4 {
		f.advance(lastRefundPause)
		f.work()
	}
	return f, f.wantRefund(refundFailed)
}

// claimNext lets a worker of another process take the only refund when its time has come, and no further.
func (f *fixture) claimNext() {
	f.t.Helper()
	f.advance(lastRefundPause)
	rows, err := f.payments.openRefunds(f.t.Context(), "fake", f.now(), 2)
	if err != nil || len(rows) != 1 {
		f.t.Fatalf("due are %+v, %v, want one", rows, err)
	}
	if _, err := f.payments.claimRefund(f.t.Context(), rows[0]); err != nil {
		f.t.Fatal(err)
	}
}

// Two operators decided about one refund at once, each by what both had read: one settled it in cash and the other had it sent
// again, and the money went twice. The same between an operator and a worker. Whoever is second is told, and nothing is changed.
func TestDecisionByWhatIsOvertakenChangesNothing(t *testing.T) {
	settles := func(refundRow) (string, int) { return refundSettled, 0 }
	resends := func(row refundRow) (string, int) { return refundDue, row.Sending + 1 }
	again := func(row refundRow) (string, int) { return refundDue, row.Sending }
	for name, c := range map[string]struct {
		newRefund func(testing.TB) (*fixture, RefundInfo)
		decide    func(refundRow) (string, int)
		meanwhile func(*fixture, RefundInfo)
	}{
		"sent again after it was settled": {newRefusedRefund, resends, func(f *fixture, r RefundInfo) { f.settle(r, "cash") }},
		"settled after it was sent again": {newRefusedRefund, settles, func(f *fixture, r RefundInfo) { f.retry(r, "again") }},
		"settled after it was sent again, and refused again": {newRefusedRefund, settles, func(f *fixture, r RefundInfo) {
			f.retry(r, "again")
			f.work() // by the test's clock it is due as before
		}},
		"sent again while a worker sends it": {newFailedRefund, resends, func(f *fixture, _ RefundInfo) { f.claimNext() }},
		"sent again after it was settled in the moment that was its next": {newRefusedRefund, again, func(f *fixture, r RefundInfo) {
			f.advance(f.nextTry())
			f.settle(r, "cash")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, r := c.newRefund(t)
			var after refundRow
			read := func() refundRow {
				row, err := f.payments.findRefund(t.Context(), r.ID)
				if err != nil {
					t.Fatal(err)
				}
				return row
			}
			_, err := f.payments.act(t.Context(), r.ID, audit.Act{Actor: "second", Note: "late"}, "decide",
				[]string{refundNeedsAttention, refundFailed}, func(row refundRow) (string, int) {
					c.meanwhile(f, r)
					after = read()
					return c.decide(row)
				})
			if now := read(); !errors.Is(err, ErrRefundInFlight) || now != after {
				t.Errorf("%v; the refund is %+v, want %+v", err, now, after)
			}
			acts, err := f.orders.Acts(t.Context(), audit.Filter{Subject: r.ID}, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, act := range acts {
				if act.Actor == "second" {
					t.Errorf("on record is what was not done: %+v", act)
				}
			}
		})
	}
}

// A provider was away for so long that a refund had used up its tries. Somebody had it sent again when the provider seemed to be
// back, it was not, and that one call was all there was: the refund needed a person at once.
func TestRetryUnderTheSameKeyHasTriesAgain(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	for range refundTries {
		f.send()
		f.advance(lastRefundPause)
	}
	f.retry(f.wantRefund(refundNeedsAttention), "it is back")
	f.send()
	f.wantRefund(refundFailed)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = nil })
	f.advance(lastRefundPause)
	f.send()
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// overtakenProvider lets others act when it has opened an attempt, and before its caller knows.
type overtakenProvider struct {
	*fakeProvider
	by func(Attempt)
}

func (p overtakenProvider) Start(ctx context.Context, a Attempt) (Started, error) {
	started, err := p.fakeProvider.Start(ctx, a)
	p.by(a)
	return started, err
}

// overtaken returns a service as another process has it, which others overtake whenever its provider has opened an attempt.
func (f *fixture) overtaken(by func(Attempt)) *Service {
	f.t.Helper()
	options := f.payments.Options
	options.Providers = []Provider{overtakenProvider{f.provider, by}}
	s := New(f.db, options)
	f.t.Cleanup(s.Close)
	return s
}

// A provider took its time to open an attempt. Meanwhile the buyer cancelled the order in another tab, and the attempt was closed
// with it; the answer of the first call opened it again, here alone, and the buyer was sent to a page that takes no money.
func TestSlowStartReopensNothing(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	slow := f.overtaken(func(a Attempt) {
		if _, err := f.orders.Cancel(t.Context(), o, false); err != nil {
			t.Error(err)
		}
		if _, err := f.callback("open sesame", Report{ID: "evt", Closed: []string{a.ID}}); err != nil {
			t.Error(err)
		}
	})
	if opened, err := slow.Start(t.Context(), o, "fake", ""); !errors.Is(err, order.ErrNotPayable) {
		t.Errorf("the buyer is shown %+v, %v", opened, err)
	}
	f.wantAttempt(o.ID, Closed)
}

// The end of an attempt is its end. A provider's callback, that an attempt was closed, came late, and made one closed that was
// paid: whoever looked for the buyer's money found none. The same again is no change either: it would say when the attempt did not
// end.
func TestAttemptEndsOnce(t *testing.T) {
	for end, report := range map[AttemptState]func(f *fixture, id string){
		Paid:   func(f *fixture, id string) { f.provider.payAttempt(id) },
		Closed: func(*fixture, string) {},
	} {
		f := newFixture(t)
		o := f.create(time.Hour)
		opened := f.start(o)
		report(f, opened.ID)
		f.advance(time.Hour)
		f.due(o)
		f.wantAttempt(o.ID, end)
		before, err := f.payments.AttemptsOf(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		f.advance(time.Minute)
		f.callbackOf("fake", Report{ID: "evt", Closed: []string{opened.ID}})
		f.wantAttempt(o.ID, end)
		if after, err := f.payments.AttemptsOf(t.Context(), o.ID); err != nil || after[0] != before[0] {
			t.Errorf("after a late callback the attempt is %+v, %v, want %+v", after, err, before)
		}
	}
}

// A payment got more time for its order, while another call was showing its payer a new code: that had read the attempt before, and
// took the time back. The office would have thought the code dead while it lived.
func TestNewCodeTakesNoTimeBack(t *testing.T) {
	f := newFixture(t)
	f.provider.set(func(p *fakeProvider) { p.unopened, p.lives = true, time.Minute })
	o := f.create(6 * time.Minute)
	f.start(o)
	f.advance(2 * time.Minute)
	var longer Opened
	behind := f.overtaken(func(Attempt) { longer = f.start(o) })
	rows, err := f.payments.attemptsOf(t.Context(), o.ID)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if _, err := behind.startAgain(t.Context(), behind.providers["fake"], rows[0]); !errors.Is(err, order.ErrNotPayable) {
		t.Errorf("%v, want that it is not as it was read", err)
	}
	if again := f.start(o); !again.ExpiresAt.Equal(longer.ExpiresAt) || longer.ExpiresAt.UnixMilli() <= rows[0].ExpiresAt {
		t.Errorf("the payment can be made until %s, want %s, later than %s", again.ExpiresAt, longer.ExpiresAt, time.UnixMilli(rows[0].ExpiresAt))
	}
}
