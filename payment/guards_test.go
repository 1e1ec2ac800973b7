package payment

import (
	"context"
	"errors"
	"testing"
	"time"

	"boxoffice/order"
)

// slowProvider holds a refund call until the test lets it end: in an error, or by what the provider does.
type slowProvider struct {
	*fakeProvider
	entered chan struct{}
	end     chan error
}

func (p slowProvider) Refund(ctx context.Context, r Refund) (RefundStatus, error) {
	p.entered <- struct{}{}
	if err := <-p.end; err != nil {
		return RefundStatus{}, err
	}
	return p.fakeProvider.Refund(ctx, r)
}

// slowWorker begins to work as another process does, and returns once it has called the provider for a refund.
func (f *fixture) slowWorker() (p slowProvider, worked chan error) {
	f.t.Helper()
	p = slowProvider{f.provider, make(chan struct{}), make(chan error)}
	options := f.payments.Options
	options.Providers = []Provider{p}
	s := New(f.db, options)
	f.t.Cleanup(s.Close)
	worked = make(chan error, 1)
	go func() { worked <- s.Work(f.t.Context()) }()
	select {
	case <-p.entered:
	case <-time.After(20 * time.Second):
		f.t.Fatal("no worker calls the provider")
	}
	return p, worked
}

// A worker stood still for longer than its lease, and another one took its refund over. When the first one's call failed, it
// wrote down that the refund had failed and when it is tried again: a third worker would have taken it from the second, in the
// middle of its call.
func TestWorkerWhoseLeaseIsOverChangesNothing(t *testing.T) {
	f := newLateRefund(t)
	first, firstEnded := f.slowWorker()
	f.advance(claimLease)
	second, secondEnded := f.slowWorker()
	taken, err := f.payments.findRefund(t.Context(), f.wantRefund(refundDue).ID)
	if err != nil || taken.Tries != 2 {
		t.Fatalf("the refund of the second worker is %+v, %v", taken, err)
	}
	first.end <- errAway
	if err := <-firstEnded; err != nil {
		t.Fatal(err)
	}
	if now, err := f.payments.findRefund(t.Context(), taken.ID); err != nil || now != taken {
		t.Errorf("the first worker has made it %+v, %v, want %+v", now, err, taken)
	}
	second.end <- nil
	if err := <-secondEnded; err != nil {
		t.Fatal(err)
	}
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// A provider that cannot be asked for an attempt that is not in the database will never confirm it: what nobody confirms is not
// taken, and the callback is answered, or it would come again for a day, each time to the same end.
func TestMoneyThatItsProviderCannotConfirmIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	f.provider.shared = true
	o := f.create(time.Hour)
	id := attemptID(o.ID, "fake", 0)
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = ErrUnsupported })
	taken := f.callbackOf("fake", Report{ID: "evt", Payments: []Payment{
		{ID: "p", AttemptID: id, Reference: "ref-" + id, OrderID: o.ID, Amount: o.Amount},
	}})
	if n := f.provider.count("query"); len(taken.Payments) != 0 || n != 1 {
		t.Errorf("taken %+v, after %d questions", taken, n)
	}
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.wantBalanced()
}

// A buyer tried to pay an order whose time was over, and that nobody had cancelled yet: its tickets were kept for five minutes
// more, at each try, although the payment was refused.
func TestOrderWhoseTimeIsOverKeepsNoTickets(t *testing.T) {
	f := newFixture(t)
	pending, unknown := f.create(time.Minute), f.reserve(time.Minute) // the row of the latter is still on its way
	f.advance(time.Minute)
	for name, o := range map[string]string{"pending": pending.ID, "on its way": unknown.ID} {
		reserved := pending
		reserved.ID = o
		if _, err := f.payments.Start(t.Context(), reserved, "fake", ""); !errors.Is(err, order.ErrNotPayable) {
			t.Errorf("%s: %v, want that it cannot be paid", name, err)
		}
	}
	if len(f.stock.extended) != 0 {
		t.Errorf("stock keeps the tickets of %v", f.stock.extended)
	}
}
