package payment

import (
	"context"
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

// askedReferences is a provider that is asked for refunds by its own ids of them, as Stripe is.
type askedReferences struct {
	*fakeProvider
	references *[]string
}

func (p askedReferences) QueryRefund(ctx context.Context, r Refund) (RefundStatus, error) {
	*p.references = append(*p.references, r.Reference)
	return p.fakeProvider.QueryRefund(ctx, r)
}

// A refund that its provider had failed was sent anew under another key, and kept the provider's id of the one that had failed.
// When it was asked for by that id, the answer was that of the other one: failed, and to be sent under a third key, whatever the
// second has done.
func TestRetryUnderANewKeyIsNotAskedForByTheIDOfTheOldOne(t *testing.T) {
	f := newLateRefund(t)
	var references []string
	options := f.payments.Options
	options.Providers = []Provider{askedReferences{f.provider, &references}}
	f.payments = New(f.db, options)
	t.Cleanup(f.payments.Close)
	f.provider.set(func(p *fakeProvider) { p.pending = true })
	f.work()
	r := f.wantRefund(refundSent)
	f.tell(r.ID, RefundFailed)
	f.provider.set(func(p *fakeProvider) {
		paid := p.payments["pay-000002"]
		paid.Amount.Amount += 9800 // the first one is not back
		p.payments["pay-000002"], p.sentBack, p.cut["refund"] = paid, 0, true
	})
	f.retry(f.wantRefund(refundNeedsAttention), "they have a new account")
	f.work()
	f.wantRefund(refundFailed)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = ErrRefused })
	f.advance(time.Hour)
	f.work()
	if len(references) != 1 || references[0] != "" {
		t.Errorf("asked for by the ids %q, want by the key alone", references)
	}
}
