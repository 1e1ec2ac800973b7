package payment

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"boxoffice/order"
)

// overtaken is an order service that others overtake just before it stops asking.
type overtaken struct {
	*order.Orders
	by func()
}

func (o overtaken) StopAsking(ctx context.Context, asked map[string]int64) error {
	o.by()
	return o.Orders.StopAsking(ctx, asked)
}

// A payment started in the last moment of an order that was held for an earlier one: its hold changed nothing, and its
// attempt was recorded after that. Whoever was about to cancel the order had looked for attempts before, had found none, and
// cancelled it without asking for the new one, for which its buyer was paying.
func TestPaymentThatStartsWhileItsOrderIsCancelledIsAskedFor(t *testing.T) {
	f := newFixture(t)
	o := f.create(6 * time.Minute)
	f.advance(5 * time.Minute)
	first := f.start(o) // extends the deadline, so that no other start does
	if err := f.payments.closeAttempt(t.Context(), "fake", first.ID, Closed); err != nil {
		t.Fatal(err)
	}
	f.advance(defaultLease)
	f.payments.Orders = overtaken{f.orders, func() {
		f.advance(-time.Millisecond) // by the clock of another process
		defer f.advance(time.Millisecond)
		second, err := f.newService().Start(t.Context(), o, "fake", "")
		if err != nil || second.ID == first.ID {
			t.Fatalf("started %+v, %v", second, err)
		}
		f.provider.payAttempt(second.ID)
	}}
	f.due(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.payments.Orders = f.orders
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
	f.wantBalanced()
}

// refusingSecond is a provider that opens an attempt for one of two calls at once, and refuses the other one.
type refusingSecond struct {
	*fakeProvider
	first func()
}

func (p refusingSecond) Start(context.Context, Attempt) (Started, error) {
	p.first()
	return Started{}, ErrRefused
}

// A buyer clicked twice. The provider took one of the two calls, and refused the other one for being under way already (409): to
// the office, which had just recorded the attempt, that said that nothing was opened. It closed the attempt in its books, the buyer
// paid on the page of the other call, the callback was lost, and nobody asked: the order was cancelled, and the money neither
// ticket nor back.
func TestRefusalOfOneOfTwoStartsClosesNothingThatTheOtherHasOpened(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	var opened Opened
	options := f.payments.Options
	options.Providers = []Provider{refusingSecond{f.provider, func() { opened = f.start(o) }}}
	other := New(f.db, options)
	t.Cleanup(other.Close)
	if again, err := other.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrRefused) {
		t.Errorf("the refused call: %+v, %v", again, err)
	}
	f.wantAttempt(o.ID, Open)
	f.provider.payAttempt(opened.ID)
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
	f.wantBalanced()
}

// A buyer pressed Pay in two tabs. The first call was at the provider when the second gave the order more time, and replaced the
// attempt by one that knows of it: the first tab was told that the order is cancelled or its time over, and the second tab paid it.
// Both pay with the same attempt now. Of two tabs with two providers each has its own, and neither ends the other's.
func TestStartThatIsReplacedGivesWayToTheOther(t *testing.T) {
	for provider, attempts := range map[string]int{"fake": 1, "other": 2} {
		f := newFixture(t)
		o := f.create(6 * time.Minute)
		var second Opened
		var once sync.Once
		slow := f.overtaken(func(Attempt) {
			once.Do(func() {
				f.advance(2 * time.Minute) // the deadline is near, and moves
				var err error
				if second, err = f.payments.Start(t.Context(), o, provider, ""); err != nil {
					t.Error(err)
				}
			})
		})
		first, err := slow.Start(t.Context(), o, "fake", "")
		if err != nil {
			t.Errorf("%s: the first tab is told %v", provider, err)
			continue
		}
		if different := map[string]bool{first.ID: true, second.ID: true}; len(different) != attempts {
			t.Errorf("%s: the tabs pay with %s and %s", provider, first.ID, second.ID)
		}
		if state := f.provider.attempts[first.ID].State; state != Open {
			t.Errorf("%s: the first tab is sent to a payment that is %s", provider, state)
		}
	}
}
