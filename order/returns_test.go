package order

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
)

// The process died after it had cancelled a paid order for the office, and before it told stock. The money went back by
// itself, and the tickets stayed sold: the sweeper passes over them, and only a person who repeated the call mended it.
func TestTicketsReturnThoughTheProcessDies(t *testing.T) {
	f := newFixture(t)
	dead, told := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(dead, told)
	f.pay(f.payment(dead), Applied)
	f.pay(f.payment(told), Applied)
	act := audit.Act{Actor: "boss", Note: "the projector"}
	if _, err := f.orders.CancelPaid(t.Context(), told.ID, act); err != nil {
		t.Fatal(err)
	}
	f.refuse.Store(true) // from the commit on nothing is sent any more
	if _, err := f.orders.CancelPaid(t.Context(), dead.ID, act); err == nil {
		t.Fatal("the message was stored")
	}
	f.clock.advance(returnGrace)
	if n, err := f.orders.AnnounceReturned(t.Context()); err == nil {
		t.Errorf("told of %d while nobody listens", n)
	}
	f.refuse.Store(false)
	before := len(f.settledMessages())
	if n, err := f.orders.AnnounceReturned(t.Context()); n != 1 || err != nil {
		t.Errorf("told of %d, %v, want the one", n, err)
	}
	if got := f.settledMessages()[before:]; len(got) != 1 || got[0] != (event.SettledOrder{OrderID: dead.ID, Outcome: event.Returned}) {
		t.Errorf("published %v, want %s returned", got, dead.ID)
	}
	if n, err := f.orders.AnnounceReturned(t.Context()); n != 0 || err != nil {
		t.Errorf("told of %d again, %v", n, err)
	}
}

// A drill that took the message queue away had the office's cancellation of a paid order answered with 500, as if the shop were
// broken. It is an outage: the order is cancelled, and whoever repeats it once the queue is back succeeds.
func TestCancelPaidWithoutTheQueueIsAnOutage(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.pay(f.payment(o), Applied)
	act := audit.Act{Actor: "boss", Note: "the projector"}
	f.refuse.Store(true)
	if _, err := f.orders.CancelPaid(t.Context(), o.ID, act); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without the queue: %v, want %v", err, ErrUnavailable)
	}
	f.refuse.Store(false)
	if cancelled, err := f.orders.CancelPaid(t.Context(), o.ID, act); err != nil || cancelled.CancelReason != CancelByOffice {
		t.Errorf("once it is back: %+v, %v", cancelled, err)
	}
}
