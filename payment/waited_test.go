package payment

import (
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
