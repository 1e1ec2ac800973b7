//go:build !race

package app

import (
	"fmt"
	"testing"
	"time"
)

const (
	clockWindow = 15 * time.Second // to pay, where clocks are set or differ
	clockOrders = 4                // of each buyer
)

// timedOrder is an order that is not paid, and when its buyer was promised it for a window from then on.
type timedOrder struct {
	buyer, id string
	since     time.Time
}

// newClockOffice starts an office in a home, whose clock the test sets: it is so far ahead of the database's.
func newClockOffice(t *testing.T, h home, ahead time.Duration, lease string) *officeTest {
	t.Helper()
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment(), ahead: ahead, isSet: true}
	o.clock.set.Store(int64(ahead))
	o.start("-pay-window", clockWindow.String(), "-pay-lease", lease, "-pay-grace", lease, "-sweep-grace", "1s")
	return o
}

// hasTime tells whether a buyer who has seen something of his order until now has seen it in time.
func (o timedOrder) hasTime() bool { return time.Since(o.since) < clockWindow }

func (o *officeTest) buyTimed(name, screening string, orders int) (bought []timedOrder) {
	o.t.Helper()
	for n := range orders {
		buyer, since := fmt.Sprint(name, "-", n), time.Now()
		bought = append(bought, timedOrder{buyer, o.mustBuy(buyer, screening, 1).ID, since})
	}
	return bought
}

// wantCancelledInTime waits until each order is cancelled, and none before its time.
func (o *officeTest) wantCancelledInTime(orders []timedOrder) {
	o.t.Helper()
	open := map[string]timedOrder{}
	for _, order := range orders {
		open[order.id] = order
	}
	o.eventually("all unpaid orders cancelled", func() bool {
		for id, order := range open {
			if o.order(order.buyer, id).Status != "cancelled" {
				continue
			}
			if lasted := time.Since(order.since); lasted < clockWindow {
				o.t.Errorf("order %s was cancelled after %v, its buyer has %v", id, lasted, clockWindow)
			}
			delete(open, id)
		}
		return len(open) == 0
	})
}

// wantPending looks for a while whether an order ends that nobody has ended.
func (o *officeTest) wantPending(orders []timedOrder, until time.Time) {
	o.t.Helper()
	for ; time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		for _, order := range orders {
			status := o.order(order.buyer, order.id).Status
			if order.hasTime() && status != "reserved" && status != "pending_payment" {
				o.t.Fatalf("%v after its purchase order %s is %s", time.Since(order.since), order.id, status)
			}
		}
	}
}

// pays pays for an order, at whichever process. If the machine was so busy that its time was up, nothing is shown.
func (o *officeTest) pays(order timedOrder) {
	o.t.Helper()
	o.eventually("order made", func() bool { return o.order(order.buyer, order.id).Status != "reserved" })
	result := o.callback("pay-"+order.id, order.id, 1)
	switch {
	case !order.hasTime():
		o.t.Skip("the machine is too busy")
	case result != "applied":
		o.t.Errorf("a payment in time: %s", result)
	}
}

// One process's clock is five minutes behind, and the other's five minutes ahead: the orders of the first were cancelled by the
// second as soon as they were made, and those of the second would have waited ten minutes for the first. Each now goes by the
// database's clock, which they share: whoever bought has his time at both, and no more.
func TestProcessesMinutesApart(t *testing.T) {
	slow(t)
	h := newHome(t)
	var shops []*officeTest
	for _, ahead := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		shops = append(shops, newClockOffice(t, h, ahead, "1s"))
	}
	first := shops[0]
	screening := first.addScreening(1000, 0)
	var unpaid []timedOrder
	var paid []timedOrder
	for n, o := range shops {
		unpaid = append(unpaid, o.buyTimed(fmt.Sprint("late-", n), screening, clockOrders)...)
		payer := o.buyTimed(fmt.Sprint("payer-", n), screening, 1)[0]
		order := o.order(payer.buyer, payer.id)
		if left := order.ExpiresAt.Sub(order.ServerTime); left > clockWindow || payer.hasTime() && left <= 0 {
			t.Errorf("process %d: a buyer has %v left of %v", n, left, clockWindow)
		}
		paid = append(paid, payer)
	}
	time.Sleep(clockWindow / 3) // the payers take their time
	for n, order := range paid {
		shops[len(shops)-1-n].pays(order) // at the other one
	}
	first.wantCancelledInTime(unpaid)
	first.eventuallyCounters(screening, 1000-int64(len(paid)), 0, int64(len(paid)))
}

// A clock was set ahead by an hour, and back: in between, the orders whose time was not up were cancelled. They are not, may be
// paid, and end at their time. Those that were made meanwhile were promised an hour more, and have it: late, and not lost.
func TestClockSetAheadAndBack(t *testing.T) {
	slow(t)
	o := newClockOffice(t, newHome(t), 0, "10s")
	o.needsBrokerClock(t)
	screening := o.addScreening(1000, 0)
	unpaid := o.buyTimed("early", screening, clockOrders)
	payer := o.buyTimed("payer", screening, 1)

	o.clock.set.Store(int64(time.Hour))
	o.wantPending(unpaid, unpaid[0].since.Add(clockWindow/2))
	o.pays(payer[0])
	meanwhile := o.buyTimed("meanwhile", screening, clockOrders)
	o.wantCancelledInTime(unpaid)

	o.clock.set.Store(0)
	o.eventuallyCounters(screening, 999-clockOrders, clockOrders, 1)
	o.advance(time.Hour)
	o.wantCancelledInTime(meanwhile)
	o.eventuallyCounters(screening, 999, 0, 1)
}

// A clock was set back by an hour, and ahead again: nothing ends early, and what is late is not lost.
func TestClockSetBackAndAhead(t *testing.T) {
	slow(t)
	o := newClockOffice(t, newHome(t), 0, "1s")
	screening := o.addScreening(1000, 0)
	before := o.buyTimed("before", screening, clockOrders)
	o.clock.set.Store(-int64(time.Hour))
	meanwhile := o.buyTimed("meanwhile", screening, clockOrders)
	o.wantPending(before, time.Now().Add(clockWindow/2))
	o.clock.set.Store(0)
	o.wantPending(meanwhile, meanwhile[0].since.Add(clockWindow-2*time.Second))
	o.wantCancelledInTime(append(before, meanwhile...))
	o.eventuallyCounters(screening, 1000, 0, 0)
}
