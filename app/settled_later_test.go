//go:build !race

package app

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
)

// stored counts the messages of a topic that the broker has, where the test controls it.
func (o *officeTest) stored(topic string) int {
	if o.broker == nil {
		return 0
	}
	return len(o.broker.Messages(o.topic(topic)))
}

// Stock's settling stands still: nobody consumes order-settled. Orders go through all the same: bought, paid, cancelled, as
// their buyers see them, with tickets. What stock has not settled yet is held, and so for sale to nobody: that is the gate. It
// is settled later, when somebody does that work again.
func TestOrdersGoThroughWhileSettlingIsStopped(t *testing.T) {
	h := newHome(t)
	o := &officeTest{home: h, t: t, clock: &testClock{}, env: h.environment()}
	o.addTickets()
	o.start("-roles", "api,order,tickets")
	screening := o.addScreening(4, 0)
	paid := []orderJSON{o.mustPay("alice", screening, 2), o.mustPay("bob", screening, 1)}
	cancelled := o.mustBuy("carol", screening, 1)
	o.eventuallyStatus("carol", cancelled.ID, "pending_payment")
	if r := o.must("POST", "/v1/orders/"+cancelled.ID+"/cancel", bearer(t, "carol", "buyer"), ""); r.status != http.StatusOK {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	for buyer, want := range map[string]string{"alice": "paid", "carol": "cancelled"} {
		id := map[string]string{"alice": paid[0].ID, "carol": cancelled.ID}[buyer]
		if status := o.order(buyer, id).Status; status != want {
			t.Errorf("the order of %s is %s, want %s", buyer, status, want)
		}
	}
	if got := o.tickets("alice", paid[0].ID); len(got) != 2 {
		t.Errorf("a paid order has tickets %+v, want 2", got)
	}
	if available, reserved, sold := o.counters(screening); available != 0 || reserved != 4 || sold != 0 {
		t.Errorf("before it is settled: %d available, %d reserved, %d sold; want all four reserved", available, reserved, sold)
	}
	if r := o.buy("dave", screening, "k", 1); r.code() != "sold_out" {
		t.Errorf("a ticket that is not back yet: %d %s, want sold_out", r.status, r.body)
	}

	newOfficeAt(t, h, "-roles", "stock")
	o.eventuallyCounters(screening, 1, 0, 3)
	if r := o.buy("dave", screening, "k", 1); r.status != http.StatusAccepted {
		t.Errorf("the ticket that is back: %d %s", r.status, r.body)
	}
	if status := o.order("alice", paid[0].ID).Status; status != "paid" {
		t.Errorf("settled, the paid order is %s", status)
	}
}

// The same, and the words by which stock would have been told are lost meanwhile: it asks for what it holds too long.
func TestSettledLaterThoughNobodyWasTold(t *testing.T) {
	h := newHome(t)
	o := newOfficeAt(t, h, "-roles", "api,order")
	screening := o.addScreening(3, 0)
	var told atomic.Int64
	heal := o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() == o.topic("order-settled") {
			told.Add(1)
			return broker.Fail(broker.ServiceNotAvailable, "lost")
		}
		return broker.Pass
	})
	order := o.mustPay("alice", screening, 2)
	o.eventually("stock would have been told", func() bool { return told.Load() > 0 })
	o.stop() // what it still held in memory is gone
	heal()
	if n := o.stored("order-settled"); n != 0 {
		t.Fatalf("%d messages were stored: the test shows nothing", n)
	}
	o.advance(16 * time.Minute) // the payment window and the grace are over
	o.start("-roles", "api,stock,order")
	o.eventuallyCounters(screening, 1, 0, 2)
	if status := o.order("alice", order.ID).Status; status != "paid" {
		t.Errorf("settled, the order is %s", status)
	}
}
