package payment

import (
	"context"
	"errors"
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
