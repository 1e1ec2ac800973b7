package payment

import (
	"strings"
	"testing"
	"time"

	"boxoffice/common/audit"
)

// nextTry is the pause until a worker takes the only refund again.
func (f *fixture) nextTry() time.Duration {
	f.t.Helper()
	row, err := f.payments.findRefund(f.t.Context(), f.refunds(RefundStates()...)[0].ID)
	if err != nil {
		f.t.Fatal(err)
	}
	return time.UnixMilli(row.NextAt).Sub(f.now())
}

// send is one look of a worker at the refunds alone: there are hundreds in a week.
func (f *fixture) send() {
	f.t.Helper()
	if _, err := f.payments.sendNext(f.t.Context(), f.provider, workLimit); err != nil {
		f.t.Fatal(err)
	}
}

// With the same short pause after each try a provider that is away for two minutes has all its tries used up, and an operator
// has each refund to look at. The pauses double up to an hour, so that a provider may be away for hours.
func TestRefundIsTriedWithGrowingPauses(t *testing.T) {
	for name, c := range map[string]struct {
		call  string
		state string // of the refund between two tries
		fail  func(*fakeProvider)
	}{
		"that gets no answer":        {"refund", refundFailed, func(p *fakeProvider) { p.fail["refund"] = errAway }},
		"that is on its way":         {"query refund", refundSent, func(p *fakeProvider) { p.pending = true }},
		"on its way, without answer": {"query refund", refundSent, func(p *fakeProvider) { p.pending, p.fail["query refund"] = true, errAway }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			f.provider.set(c.fail)
			f.send()
			total, calls := time.Duration(0), f.provider.count(c.call)
			for want := 10 * time.Second; total < 4*time.Hour; want = min(2*want, time.Hour) {
				f.wantRefund(c.state)
				pause := f.nextTry()
				if pause != want {
					t.Fatalf("after %s the pause is %s, want %s", total, pause, want)
				}
				f.advance(pause - time.Millisecond)
				f.send()
				if n := f.provider.count(c.call); n != calls {
					t.Fatalf("called before its time, after %s", total)
				}
				f.advance(time.Millisecond)
				f.send()
				if n := f.provider.count(c.call); n != calls+1 {
					t.Fatalf("called %d times when its time had come, after %s", n-calls, total)
				}
				calls, total = calls+1, total+pause
			}
		})
	}
}

// Money was on its way for ever, and nobody was told: a provider may have lost a refund that it had accepted. After a week a
// person has to look, whether the provider says that it is on its way or says nothing; nothing is sent a second time, and when
// the money is back after all the refund is done.
func TestRefundOnItsWayForAWeekNeedsAPerson(t *testing.T) {
	for name, c := range map[string]struct {
		fail   error
		detail string
	}{
		"as its provider says":    {nil, "week"},
		"and its provider away":   {errAway, errAway.Error()},
		"and nobody can be asked": {ErrUnsupported, ErrUnsupported.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			f := newLateRefund(t)
			f.provider.set(func(p *fakeProvider) { p.pending, p.fail["query refund"] = true, c.fail })
			sent := f.now()
			for f.send(); f.refunds(RefundStates()...)[0].State == refundSent; f.send() {
				if on := f.now().Sub(sent); on > 10*24*time.Hour {
					t.Fatalf("on its way for %s, and nobody is told", on)
				}
				f.advance(f.nextTry())
			}
			if on := f.now().Sub(sent); on < 6*24*time.Hour {
				t.Errorf("a person is asked after %s already", on)
			}
			r := f.wantRefund(refundNeedsAttention)
			if !strings.Contains(r.Detail, "on its way for a week") || !strings.Contains(r.Detail, c.detail) {
				t.Errorf("the person reads %q", r.Detail)
			}
			if n := f.provider.count("refund"); n != 1 {
				t.Errorf("sent %d times", n)
			}
			f.provider.set(func(p *fakeProvider) { p.fail["query refund"] = nil })
			f.tell(r.ID, RefundDone)
			f.wantRefund(refundDone)
			f.wantBalanced()
		})
	}
}

// A provider without refunds, such as one that only sends callbacks, was to be asked fifteen times, in half a day, before a
// person heard of it. To repeat what cannot be done is useless; and nothing was sent, so the key stays.
func TestRefundThatItsProviderCannotMakeNeedsAPersonAtOnce(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = ErrUnsupported })
	f.work()
	r := f.wantRefund(refundNeedsAttention)
	if r.Tries != 1 || !strings.Contains(r.Detail, ErrUnsupported.Error()) {
		t.Errorf("after %d tries the person reads %q", r.Tries, r.Detail)
	}
	f.advance(lastRefundPause)
	f.work()
	if n := f.provider.count("refund"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = nil })
	if _, err := f.payments.Retry(t.Context(), r.ID, audit.Act{Actor: "me", Note: "it is configured for refunds now"}); err != nil {
		t.Fatal(err)
	}
	f.work()
	f.wantRefund(refundDone)
	if _, same := f.provider.keys[r.ID]; !same {
		t.Errorf("sent by the keys %v", f.provider.keys)
	}
	f.wantBalanced()
}
