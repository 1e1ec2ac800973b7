package order

import (
	"errors"
	"sync"
	"testing"
	"time"

	"boxoffice/common/event"
)

// An order's deadline moves once, however many payments for it start, and at once.
func TestDeadlineMovesOnce(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	first := o.ExpiresAt + time.Minute.Milliseconds()
	hold := func(deadline int64) Order {
		t.Helper()
		held, err := f.orders.HoldForPayment(t.Context(), o, Hold{Deadline: deadline, AskUntil: deadline + 1000})
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	if held := hold(first); held.ExpiresAt != first || held.AskUntil != first+1000 {
		t.Errorf("held %+v, want until %d", held, first)
	}
	if held := hold(first + 5000); held.ExpiresAt != first || held.AskUntil != first+6000 {
		t.Errorf("held %+v again, want until %d", held, first)
	}
	if held := hold(first - 5000); held.ExpiresAt != first || held.AskUntil != first+6000 {
		t.Errorf("held %+v for less", held)
	}

	other := f.reserve(time.Minute)
	var holds sync.WaitGroup
	deadlines := make([]int64, 8)
	for i := range deadlines {
		holds.Go(func() {
			held, err := f.orders.HoldForPayment(t.Context(), other, Hold{Deadline: other.ExpiresAt + int64(1+i)})
			if err != nil {
				t.Error(err)
			}
			deadlines[i] = held.ExpiresAt
		})
	}
	holds.Wait()
	for _, deadline := range deadlines {
		if deadline != deadlines[0] {
			t.Errorf("the deadlines are %v", deadlines)
		}
	}
}

// While the provider is asked, an order past its deadline is looked at every few seconds, and cancelled at the end.
func TestOrderThatIsAskedForIsKept(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	askUntil := o.ExpiresAt + 25_000
	if _, err := f.orders.HoldForPayment(t.Context(), o, Hold{Deadline: o.ExpiresAt, AskUntil: askUntil}); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Minute)
	before := len(f.dues())
	f.timeout(o.ID)
	f.wantState(o.ID, PendingPayment, "")
	dues := f.dues()[before:]
	if len(dues) != 1 || dues[0].DueAt != f.clock.now().Add(askPause).UnixMilli() {
		t.Errorf("looked at again %+v, want in %s", dues, askPause)
	}
	f.clock.advance(20 * time.Second)
	f.deliver(dues[0].Due)
	if dues := f.dues(); dues[len(dues)-1].DueAt != askUntil {
		t.Errorf("looked at again at %d, want %d", dues[len(dues)-1].DueAt, askUntil)
	}
	f.clock.advance(5 * time.Second)
	f.timeout(o.ID)
	f.wantState(o.ID, Cancelled, CancelUnpaid)

	answered := f.reserve(time.Minute)
	f.create(answered)
	if _, err := f.orders.HoldForPayment(t.Context(), answered, Hold{AskUntil: answered.ExpiresAt + 25_000}); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Minute)
	if err := f.orders.StopAsking(t.Context(), map[string]int64{answered.ID: answered.ExpiresAt + 25_000, "nobody": 1}); err != nil {
		t.Fatal(err)
	}
	f.timeout(answered.ID)
	f.wantState(answered.ID, Cancelled, CancelUnpaid)
}

func TestOrdersThatAreNotPendingAreNotHeld(t *testing.T) {
	f := newFixture(t)
	paid, cancelled, late, parked := f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Minute), f.reserve(time.Hour)
	f.create(paid, cancelled, late)
	f.pay(f.payment(paid), Applied)
	f.cancel(cancelled)
	f.pay(f.payment(parked), Parked)
	f.clock.advance(time.Minute)
	for _, c := range []struct {
		order event.Order
		want  error
	}{{paid, ErrAlreadyPaid}, {cancelled, ErrNotPayable}, {late, ErrNotPayable}, {parked, ErrAlreadyPaid}} {
		deadline := f.clock.now().Add(time.Hour).UnixMilli()
		if _, err := f.orders.HoldForPayment(t.Context(), c.order, Hold{Deadline: deadline, AskUntil: deadline}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.order.ID, err, c.want)
		}
	}
	f.wantInvariants()
}
