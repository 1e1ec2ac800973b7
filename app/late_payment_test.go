//go:build !race

package app

import (
	"net/http"
	"testing"
	"time"
)

// addReviving is addScreening where late money revives.
func (o *officeTest) addReviving(capacity, limit int) string {
	o.t.Helper()
	screening := o.addScreening(capacity, limit)
	r := o.must("PATCH", "/v1/screenings/"+screening, bearer(o.t, "boss", "admin"), `{"late_payment":"revive"}`)
	if got := decode[struct {
		LatePayment string `json:"late_payment"`
	}](o.t, r); r.status != http.StatusOK || got.LatePayment != "revive" {
		o.t.Fatalf("change a screening: %d %s", r.status, r.body)
	}
	return screening
}

// mustCancelUnpaid buys tickets that go back at their deadline.
func (o *officeTest) mustCancelUnpaid(buyer, screening string, quantity int) orderJSON {
	o.t.Helper()
	bought := o.mustBuy(buyer, screening, quantity)
	if got := o.eventuallyStatus(buyer, bought.ID, "cancelled"); got.CancelReason != "unpaid" {
		o.t.Fatalf("cancelled as %q", got.CancelReason)
	}
	return bought
}

// Money comes after the deadline. Who finds the tickets still there has them; for whom they are gone the money goes back.
func TestLatePaymentHasTheTicketsThatAreStillThere(t *testing.T) {
	o := newOffice(t, "-pay-window", "2s")
	screening := o.addReviving(5, 3)
	alice := o.mustCancelUnpaid("alice", screening, 3)
	o.eventuallyCounters(screening, 5, 0, 0)
	bob := o.mustCancelUnpaid("bob", screening, 3)
	o.eventuallyCounters(screening, 5, 0, 0)
	if result := o.callback("pay-alice", alice.ID, 3); result != "parked" {
		t.Fatalf("late payment: %s, want parked", result)
	}
	o.eventuallyStatus("alice", alice.ID, "paid")
	o.eventuallyCounters(screening, 2, 0, 3)
	if result := o.callback("pay-bob", bob.ID, 3); result != "parked" {
		t.Fatalf("late payment: %s, want parked", result)
	}
	o.eventually("bob's money goes back", func() bool { return o.refundsDue(bob.ID) == 1 })
	if result := o.callback("pay-alice-again", alice.ID, 3); result != "refund_due" {
		t.Errorf("a second payment: %s, want refund_due", result)
	}
	if got := o.order("bob", bob.ID); got.Status != "cancelled" || got.CancelReason != "unpaid" {
		t.Errorf("bob's order is %+v", got)
	}
	o.eventuallyCounters(screening, 2, 0, 3)
	o.wantHealthy(2 * time.Minute)
}

// No process of the role stock runs: money waits, and the doctor says for what. Once one runs, the order is paid, in
// whatever order it hears that the order was unpaid and that its tickets are wanted.
func TestLatePaymentWaitsForStock(t *testing.T) {
	h := newHome(t)
	o := newOfficeAt(t, h, "-pay-window", "2s", "-roles", "api,order")
	screening := o.addReviving(2, 0)
	bought := o.mustCancelUnpaid("alice", screening, 2)
	if result := o.callback("late", bought.ID, 2); result != "parked" {
		t.Fatalf("late payment: %s, want parked", result)
	}
	o.wantTroubles(2*time.Minute, "late_payment late", "order_not_settled "+bought.ID)
	if r, err := o.doctor(2*time.Minute, "-fix"); len(r.Fixed) != 2 {
		t.Errorf("fixed %q, %v", r.Fixed, err)
	}
	newOfficeAt(t, h, "-roles", "stock")
	o.eventuallyStatus("alice", bought.ID, "paid")
	o.eventuallyCounters(screening, 0, 0, 2)
	o.wantHealthy(2 * time.Minute)
}
