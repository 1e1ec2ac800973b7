package payment

import (
	"testing"
	"time"

	"boxoffice/common/audit"
)

// A part of a payment is sent back, and the answer is lost. Then the provider refuses everything: the merchant's permission is
// suspended (WeChat Pay 403 NO_AUTH, Alipay 40006). The question whether it knows the refund is refused too, which says nothing of
// the refund, and the refusal is believed: the key counts as spent. Once the permission is back, a person's retry has another key,
// and the money goes a second time.
func TestRefusedQuestionIsNoWordOfARefund(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.pay(o, 9800)
	if _, err := f.orders.RefundPart(t.Context(), o.ID, "a part", 1000, audit.Act{Actor: "me", Note: "bad seat"}); err != nil {
		t.Fatal(err)
	}
	f.provider.set(func(p *fakeProvider) { p.cut["refund"] = true })
	f.work()
	f.wantRefund(refundFailed)
	f.provider.set(func(p *fakeProvider) {
		p.cut["refund"], p.fail["refund"], p.fail["query refund"] = false, ErrRefused, ErrRefused
	})
	f.advance(time.Hour)
	f.work()
	r := f.wantRefund(refundNeedsAttention)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"], p.fail["query refund"] = nil, nil })
	f.retry(r, "the permission is back")
	f.work()
	f.provider.mu.Lock()
	defer f.provider.mu.Unlock()
	if f.provider.sentBack != 1000 {
		t.Errorf("%d went back for a refund of 1000, by the keys %v", f.provider.sentBack, f.provider.keys)
	}
}
