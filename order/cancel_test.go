package order

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/event"
)

func TestBuyerCancels(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.cancel(o)
	f.cancel(o)
	f.wantState(o.ID, Cancelled, CancelByBuyer)
	f.drained(1)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Cancelled})
}

// The buyer may be faster than the message that creates the order; the message must not bring it back.
func TestBuyerCancelsBeforeTheMessage(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.cancel(o)
	f.create(o)
	f.wantState(o.ID, Cancelled, CancelByBuyer)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Cancelled})
	if dues := f.dues(); len(dues) != 0 {
		t.Errorf("sent %v, want no payment-due of a cancelled order", dues)
	}
}

func TestPaidOrderIsNotCancelled(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.pay(f.payment(o), Applied)
	if got, err := f.orders.Cancel(t.Context(), o, true); !errors.Is(err, ErrAlreadyPaid) || got.State != Paid {
		t.Errorf("Cancel: %s, %v, want PAID and ErrAlreadyPaid", got.State, err)
	}
	f.wantState(o.ID, Paid, "")
}

func TestCancelOfATimedOutOrderKeepsTheReason(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(0)
	f.create(o)
	got, err := f.orders.Cancel(t.Context(), o, true)
	if err != nil || got.CancelReason != CancelUnpaid {
		t.Errorf("Cancel: %q, %v, want the first reason", got.CancelReason, err)
	}
	f.wantState(o.ID, Cancelled, CancelUnpaid)
}

// Money that came before its order counts before the cancellation that would create the order.
func TestParkedPaymentBeatsTheCancellationThatCreatesTheOrder(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	p := f.payment(o)
	f.pay(p, Parked)
	if _, err := f.orders.Cancel(t.Context(), o, true); !errors.Is(err, ErrAlreadyPaid) {
		t.Errorf("Cancel: %v, want ErrAlreadyPaid", err)
	}
	f.wantState(o.ID, Paid, "")
	f.wantPayment(p.ID, Applied, "")
	f.drained(1)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Paid})
}

// After a restore of the order database an order was gone whose tickets had been released long before and sold to
// somebody else. Its buyer's cancel made the order anew and gave it the late payment that was parked for it: two orders
// were paid for the same tickets. An order is made only while its tickets are held.
func TestCancelMakesNoOrderWithoutHeldTickets(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	p := f.payment(o)
	f.pay(p, Parked)
	if got, err := f.orders.Cancel(t.Context(), o, false); !errors.Is(err, ErrOrderAbsent) {
		t.Errorf("Cancel: %+v, %v, want ErrOrderAbsent", got, err)
	}
	if orders, err := f.orders.Find(t.Context(), o.ID); err != nil || len(orders) != 0 {
		t.Errorf("orders %+v, %v, want none", orders, err)
	}
	f.wantPayment(p.ID, Parked, "")
}
