//go:build !race

package app

import (
	"net/http"
	"testing"
)

// A buyer of the demo pays at the simulator, and the demo is started again. The simulator had forgotten the payment: a refund of
// it was answered 404, and the demo was left with money that needed a person.
func TestDemoSendsBackWhatWasPaidBeforeARestart(t *testing.T) {
	t.Parallel()
	o := newDemoOffice(t)
	order := o.mustBuy("alice", "casablanca", 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	o.paysAtTheSimulator("alice", order.ID)
	o.eventuallyStatus("alice", order.ID, "paid")
	o.stop()
	o.start()
	if r := o.must("POST", "/v1/admin/orders/"+order.ID+"/cancel", bearer(t, "boss", "admin"), `{"note":"ill"}`); r.status != http.StatusOK {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	type refund struct{ State, Reason string }
	var refunds []refund
	o.eventually("the money is back, or needs a person", func() bool {
		r := o.must("GET", "/v1/orders/"+order.ID+"/refunds", bearer(t, "alice", "buyer"), "")
		refunds = decode[struct{ Items []refund }](t, r).Items
		return len(refunds) == 1 && (refunds[0].State == "done" || refunds[0].State == "needs_attention")
	})
	if refunds[0].State != "done" {
		t.Errorf("the refund is %+v", refunds[0])
	}
}
