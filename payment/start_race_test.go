package payment

import (
	"context"
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
