package payment

import (
	"context"
	"slices"
	"testing"
	"time"
)

// A provider that has failed to make a refund is told how long the office has waited since, by its clock: it may have to look for
// the refund for minutes before it makes another.
func TestProviderKnowsHowLongARefundHasWaited(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	waited := []time.Duration{0}
	f.work()
	for len(waited) < 9 {
		pause := refundPause(len(waited))
		f.advance(pause - time.Millisecond)
		f.work()
		f.advance(time.Millisecond)
		f.work()
		waited = append(waited, pause)
	}
	if !slices.Equal(f.provider.waited, waited) || slices.Max(waited) < 10*time.Minute {
		t.Errorf("the provider was told %v, want %v", f.provider.waited, waited)
	}
}

// dyingProvider ends its caller, a process, in the midst of each call for a refund.
type dyingProvider struct {
	*fakeProvider
	kill context.CancelFunc
}

func (p dyingProvider) Refund(ctx context.Context, r Refund) (RefundStatus, error) {
	defer p.kill()
	return p.fakeProvider.Refund(ctx, r)
}

// How long a refund had waited was counted by its tries. A process that died, or stopped, in each of its calls left the refund to
// the next one after half a minute, which at the eighth try was called more than five: with Stripe, for whose failed refunds that
// is long enough, the refund was made under another key while the one before could still appear.
func TestRefundHasNotWaitedLongerAfterProcessesThatDied(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	want := []time.Duration{0}
	for len(f.provider.waited) < 10 {
		ctx, kill := context.WithCancel(t.Context())
		if _, err := f.payments.sendNext(ctx, dyingProvider{f.provider, kill}, workLimit); err == nil {
			t.Fatal("the process has not died")
		}
		f.advance(claimLease)
		want = append(want, claimLease)
	}
	f.work()
	if got := f.provider.waited; !slices.Equal(got, want) {
		t.Errorf("the provider was told %v, want %v", got, want)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = nil })
	f.advance(f.nextTry())
	f.work()
	f.wantRefund(refundDone)
	f.wantBalanced()
}
