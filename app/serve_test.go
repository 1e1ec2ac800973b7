//go:build !race

package app

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
)

func TestFiveHundredBuyersHundredTickets(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(100, 0)
	var accepted, soldOut atomic.Int64
	var sale sync.WaitGroup
	for n := range 500 {
		sale.Go(func() {
			r := o.buy(fmt.Sprint("buyer-", n), screening, "k", 1)
			switch {
			case r.status == http.StatusAccepted:
				accepted.Add(1)
			case r.status == http.StatusConflict && r.code() == "sold_out":
				soldOut.Add(1)
			default:
				t.Errorf("buyer %d: %d %s", n, r.status, r.body)
			}
		})
	}
	for accepted.Load()+soldOut.Load() < 500 && !t.Failed() {
		o.counters(screening) // the books are right at every read
	}
	sale.Wait()
	if accepted.Load() != 100 || soldOut.Load() != 400 {
		t.Errorf("%d accepted and %d sold out, want 100 and 400", accepted.Load(), soldOut.Load())
	}
	o.eventuallyCounters(screening, 0, 100, 0)
	if n := o.available(screening); n != 0 {
		t.Errorf("%d available over HTTP, want 0", n)
	}
}

// With nobody to create orders, a purchase is answered all the same; the orders come when the order service is back.
func TestOrderServiceStopped(t *testing.T) {
	o := newOffice(t, "-roles", "api,stock")
	screening := o.addScreening(10, 0)
	var orders []orderJSON
	for n := range 5 {
		orders = append(orders, o.mustBuy(fmt.Sprint("buyer-", n), screening, 1))
	}
	for n, order := range orders {
		if got := o.order(fmt.Sprint("buyer-", n), order.ID); got.Status != "reserved" {
			t.Errorf("order %d is %s without an order service, want reserved", n, got.Status)
		}
	}
	newOfficeAt(t, o.home, "-roles", "order")
	for n, order := range orders {
		o.eventuallyStatus(fmt.Sprint("buyer-", n), order.ID, "pending_payment")
	}
}

func TestPaidOrderSellsItsStock(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	if order.Amount.Amount != 9800 || order.Amount.Currency != "CNY" || order.Status != "reserved" {
		t.Errorf("order %+v, want 98.00 CNY, reserved", order)
	}
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.eventuallyCounters(screening, 8, 2, 0)
	if result := o.callback("pay-1", order.ID, 2); result != "applied" {
		t.Fatalf("payment: %s, want applied", result)
	}
	if got := o.order("alice", order.ID); got.Status != "paid" {
		t.Errorf("order is %s right after its payment, want paid", got.Status)
	}
	o.eventuallyCounters(screening, 8, 0, 2)
	if result := o.callback("pay-1", order.ID, 2); result != "duplicate" {
		t.Errorf("the same payment again: %s, want duplicate", result)
	}
	if result := o.callback("pay-2", order.ID, 2); result != "refund_due" {
		t.Errorf("a second payment: %s, want refund_due", result)
	}
	if r := o.must("POST", "/v1/orders/"+order.ID+"/cancel", bearer(t, "alice", "buyer"), ""); r.code() != "already_paid" {
		t.Errorf("cancel a paid order: %d %s, want already_paid", r.status, r.body)
	}
}

func TestUnpaidOrderIsCancelledAndItsStockComesBackOnce(t *testing.T) {
	o := newOffice(t, "-pay-window", "3s")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 3)
	o.eventuallyCounters(screening, 7, 3, 0)
	got := o.eventuallyStatus("alice", order.ID, "cancelled")
	if got.CancelReason != "unpaid" || got.ServerTime.Before(got.ExpiresAt) {
		t.Errorf("cancelled as %q at %s, want unpaid and not before %s", got.CancelReason, got.ServerTime, got.ExpiresAt)
	}
	o.eventuallyCounters(screening, 10, 0, 0)
	if result := o.callback("late", order.ID, 3); result != "refund_due" {
		t.Errorf("payment after the cancel: %s, want refund_due", result)
	}
	o.eventuallyCounters(screening, 10, 0, 0)
}

// 15 minutes is no delay level: the message sleeps ten, wakes early and sleeps another five.
func TestPaymentWindowIsReachedByChainedLevels(t *testing.T) {
	h := newHome(t)
	h.needsBrokerClock(t)
	o := newOfficeAt(t, h, "-pay-window", "15m", "-sweep-grace", "10h")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.eventually("first delay", func() bool { return o.broker.PendingDelays() == 1 })
	o.advance(10*time.Minute + time.Second)
	o.eventually("second delay", func() bool { return len(o.broker.Messages("payment-due")) == 1 && o.broker.PendingDelays() == 1 })
	if got := o.order("alice", order.ID); got.Status != "pending_payment" {
		t.Fatalf("order is %s five minutes before its deadline", got.Status)
	}
	for range 12 { // what remains is at most 5 min, a chain of levels that each overshoot by less than a second
		o.advance(30 * time.Second)
	}
	o.eventually("cancelled", func() bool {
		o.advance(time.Second)
		return o.order("alice", order.ID).Status == "cancelled"
	})
	o.eventuallyCounters(screening, 10, 0, 0)
}

// Seven seconds are 5 s and 1 s and another: the same chain on any broker, by the real clock.
func TestShortPaymentWindowIsReachedByChainedLevels(t *testing.T) {
	slow(t)
	o := newOffice(t, "-pay-window", "7s", "-sweep-grace", "10h")
	var sent atomic.Int64
	o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() == o.topic("payment-due") {
			sent.Add(1)
		}
		return broker.Pass
	})
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	got := o.eventuallyStatus("alice", order.ID, "cancelled")
	if got.ServerTime.Before(got.ExpiresAt) || sent.Load() < 2 {
		t.Errorf("cancelled at %s after %d messages, want not before %s and at least 2", got.ServerTime, sent.Load(), got.ExpiresAt)
	}
	o.eventuallyCounters(screening, 10, 0, 0)
}

func TestPaymentAgainstCancel(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(1000, 0)
	for n := range 40 {
		buyer := fmt.Sprint("buyer-", n)
		order := o.mustBuy(buyer, screening, 1)
		var result string
		var cancelled response
		var race sync.WaitGroup
		race.Go(func() { result = o.callback("pay-"+buyer, order.ID, 1) })
		race.Go(func() {
			cancelled = o.must("POST", "/v1/orders/"+order.ID+"/cancel", bearer(t, buyer, "buyer"), "")
		})
		race.Wait()
		status := o.eventuallyFinal(buyer, order.ID)
		switch {
		case status == "paid" && (result == "applied" || result == "parked") && cancelled.code() == "already_paid":
		// A payment that is parked while the cancel commits is found by the cancel's second look.
		case status == "cancelled" && (result == "refund_due" || result == "parked") && cancelled.status == http.StatusOK:
			o.eventually("refund due", func() bool { return o.refundsDue(order.ID) == 1 })
		default:
			t.Errorf("order %s, payment %s, cancel %d %s", status, result, cancelled.status, cancelled.body)
		}
	}
	o.eventually("every ticket settled", func() bool { _, reserved, _ := o.counters(screening); return reserved == 0 })
}

func (o *officeTest) eventuallyFinal(buyer, id string) (status string) {
	o.t.Helper()
	o.eventually("final order", func() bool {
		status = o.order(buyer, id).Status
		return status == "paid" || status == "cancelled"
	})
	return status
}

func TestBuyerCancels(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	cancel := func(buyer string) response {
		return o.must("POST", "/v1/orders/"+order.ID+"/cancel", bearer(t, buyer, "buyer"), "")
	}
	if r := cancel("mallory"); r.status != http.StatusNotFound {
		t.Errorf("cancel of somebody else's order: %d %s, want 404", r.status, r.body)
	}
	for range 2 {
		r := cancel("alice")
		if got := decode[orderJSON](t, r); r.status != http.StatusOK || got.Status != "cancelled" || got.CancelReason != "buyer" {
			t.Errorf("cancel: %d %s", r.status, r.body)
		}
	}
	o.eventuallyCounters(screening, 10, 0, 0)
}

func TestSameKeyIsTheSameOrder(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(2, 0)
	first := decode[orderJSON](t, o.buy("alice", screening, "k1", 2))
	var again sync.WaitGroup
	for range 10 {
		again.Go(func() {
			if r := o.buy("alice", screening, "k1", 2); r.status != http.StatusAccepted || decode[orderJSON](t, r).ID != first.ID {
				t.Errorf("same key again: %d %s, want order %s", r.status, r.body, first.ID)
			}
		})
	}
	again.Wait()
	o.eventuallyStatus("alice", first.ID, "pending_payment")
	if r := o.buy("alice", screening, "k1", 2); decode[orderJSON](t, r).Status != "pending_payment" {
		t.Errorf("same key after the order was made: %d %s, want what GET answers", r.status, r.body)
	}
	if r := o.buy("alice", screening, "k1", 1); r.status != http.StatusUnprocessableEntity || r.code() != "idempotency_key_reused" {
		t.Errorf("same key, other body: %d %s, want 422", r.status, r.body)
	}
	if r := o.buy("bob", screening, "k1", 1); r.code() != "sold_out" {
		t.Errorf("another buyer's same key: %d %s, want sold_out", r.status, r.body)
	}
	o.eventuallyCounters(screening, 0, 2, 0)
}

func TestLimitAndSaleWindow(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(100, 3)
	o.mustBuy("alice", screening, 2)
	if r := o.buy("alice", screening, "k2", 2); r.status != http.StatusConflict || r.code() != "limit_exceeded" {
		t.Errorf("two more of three: %d %s, want limit_exceeded", r.status, r.body)
	}
	if r := o.buy("alice", screening, "k3", 1); r.status != http.StatusAccepted {
		t.Errorf("one more of three: %d %s", r.status, r.body)
	}
	admin := bearer(t, "boss", "admin")
	change := func(body string) response { return o.must("PATCH", "/v1/screenings/"+screening, admin, body) }
	if r := change(`{"capacity":1}`); r.status != http.StatusConflict {
		t.Errorf("capacity below what is sold: %d %s, want 409", r.status, r.body)
	}
	now := o.clock.Now()
	if r := change(fmt.Sprintf(`{"sale_opens_at":%q}`, now.Add(time.Hour).Format(time.RFC3339))); r.status != http.StatusOK {
		t.Fatalf("change the sale window: %d %s", r.status, r.body)
	}
	o.eventually("sale not open", func() bool { return o.buy("bob", screening, "k1", 1).code() == "sale_not_open" })
	o.advance(2 * time.Hour)
	if r := o.buy("carol", screening, "k1", 1); r.status != http.StatusAccepted {
		t.Errorf("after the sale has opened: %d %s", r.status, r.body)
	}
	o.advance(50 * time.Hour)
	if r := o.buy("dave", screening, "k1", 1); r.code() != "sale_closed" {
		t.Errorf("after the sale has closed: %d %s, want sale_closed", r.status, r.body)
	}
}

func TestPaymentBeforeItsOrderIsParked(t *testing.T) {
	o := newOffice(t, "-roles", "api,stock")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 1)
	if result := o.callback("early", order.ID, 1); result != "parked" {
		t.Fatalf("payment before its order: %s, want parked", result)
	}
	newOfficeAt(t, o.home, "-roles", "order")
	o.eventuallyStatus("alice", order.ID, "paid")
	o.eventuallyCounters(screening, 9, 0, 1)
}

func TestWrongPaymentsChangeNothing(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	if result := o.callback("short", order.ID, 1); result != "mismatch" {
		t.Errorf("half the price: %s, want mismatch", result)
	}
	if r := o.deliver(paymentBody("dollars", order.ID, 9800, "USD"), o.clock.Now()); decode[struct{ Result string }](t, r).Result != "mismatch" {
		t.Errorf("another currency: %s, want mismatch", r.body)
	}
	good := paymentBody("good", order.ID, 9800, "CNY")
	if r := o.deliver(good, o.clock.Now().Add(-6*time.Minute)); r.status != http.StatusUnauthorized {
		t.Errorf("signature of six minutes ago: %d %s, want 401", r.status, r.body)
	}
	r := o.must("POST", "/v1/payments/callback", "", good, "webhook-id", "m", "webhook-timestamp",
		fmt.Sprint(o.clock.Now().Unix()), "webhook-signature", "v1,bm90IGEgc2lnbmF0dXJlIGF0IGFsbCBidXQgMzIgYnk=")
	if r.status != http.StatusUnauthorized || r.code() != "bad_signature" {
		t.Errorf("forged signature: %d %s, want 401", r.status, r.body)
	}
	if got := o.order("alice", order.ID); got.Status != "pending_payment" {
		t.Errorf("order is %s after wrong payments, want pending_payment", got.Status)
	}
	if result := o.callback("good", order.ID, 2); result != "applied" {
		t.Errorf("the right payment: %s, want applied", result)
	}
}
