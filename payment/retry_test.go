package payment

import (
	"testing"
	"time"
)

// A refund was sent anew under another key, and the answer was lost. A second operator had it sent again, under the same key,
// and it was refused, since the money had gone. Counted as the first try under its key, it was not asked for: the refusal was
// believed, and the next retry would have had a third key, under which the money could go a second time.
func TestRetryUnderTheSameKeyIsAskedForWhenItIsRefused(t *testing.T) {
	f, r := newRefusedRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"], p.cut["refund"] = nil, true })
	f.retry(r, "they have a new account")
	for range 3 { // until the next try is not so soon that nobody may have it sent
		f.advance(time.Minute)
		f.work()
	}
	f.wantRefund(refundFailed)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"], p.cut["refund"] = ErrRefused, false })
	f.retry(r, "it takes too long")
	f.work()
	f.wantRefund(refundDone)
	if _, sent := f.provider.keys[r.ID+"_1"]; !sent || len(f.provider.keys) != 1 {
		t.Errorf("sent by the keys %v, want one, the second", f.provider.keys)
	}
	f.wantBalanced()
}

// Under a key that was never sent before a refusal is believed at once: nothing can have been carried out.
func TestRetryUnderANewKeyIsNotAskedFor(t *testing.T) {
	f, r := newRefusedRefund(t)
	for range 2 {
		f.retry(r, "again")
		f.work()
		f.wantRefund(refundNeedsAttention)
	}
	if n := f.provider.count("query refund"); n != 0 {
		t.Errorf("asked %d times for what was never sent", n)
	}
}
