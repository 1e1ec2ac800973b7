package payment

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/order"
)

// A payment that was found by asking, and had the id of another order's payment, was dropped: its attempt ended as paid, its order
// was cancelled as unpaid, and the money was in no ledger. It is recorded as one by callback is: for a person to decide.
func TestReusedIDThatIsFoundByAskingIsTold(t *testing.T) {
	f := newFixture(t)
	a, b := f.create(time.Hour), f.create(time.Hour)
	id := f.pay(a, 9800)
	opened := f.start(b)
	f.provider.set(func(p *fakeProvider) {
		at := p.attempts[opened.ID]
		at.Payments = []Payment{{ID: id, AttemptID: opened.ID, OrderID: b.ID, Amount: b.Amount}}
		at.State = Paid
		p.taken += b.Amount.Amount
	})
	f.advance(2 * time.Hour)
	f.due(b)
	f.work()
	reused, err := f.orders.Reused(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(reused) != 1 || reused[0].OrderID != b.ID {
		t.Errorf("the provider says that it took money for %s, and of reused ids there are %+v", b.ID, reused)
	}
	f.wantOrder(a.ID, order.Paid, "")
	f.wantBalanced()
}

// An operator had a refund sent again that a worker was just sending, or was about to: a second worker sent it as well.
func TestRefundThatIsSentSoonIsNotSentAgain(t *testing.T) {
	f := newLateRefund(t)
	f.provider.set(func(p *fakeProvider) { p.fail["refund"] = errAway })
	f.work()
	r := f.wantRefund(refundFailed)
	for name, wait := range map[string]time.Duration{"that rests": 0, "that is due": 20 * time.Second} {
		f.advance(wait)
		if _, err := f.payments.Retry(t.Context(), r.ID, audit.Act{Actor: "me", Note: "again"}); !errors.Is(err, ErrRefundInFlight) {
			t.Errorf("one %s is sent again: %v", name, err)
		}
	}
	for range 3 {
		f.advance(time.Minute)
		f.work()
	}
	f.wantRefund(refundFailed)
	f.retry(r, "it takes too long")
}
