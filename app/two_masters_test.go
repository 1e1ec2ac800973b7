//go:build !race

package app

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/broker/brokertest"
)

// newTwoMasters is an office on two master brokers. The home's queue is the first of them.
func newTwoMasters(t *testing.T) *officeTest {
	t.Helper()
	if onStack(t) {
		t.Skip("needs a cluster of its own")
	}
	h := newDatabases(t)
	address, masters := brokertest.RunCluster(t, []string{"m1", "m2"},
		broker.WithTransactionTimeout(time.Second), broker.WithTransactionCheckInterval(500*time.Millisecond))
	h.nameServer, h.queue = address, masters["m1"]
	return newOfficeAt(t, h)
}

// onHalf decides what becomes of the half messages of purchases that the first master gets, and counts them.
func (o *officeTest) onHalf(v broker.Verdict) *atomic.Int64 {
	var n atomic.Int64
	o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() != o.topic("stock-reserved") {
			return broker.Pass
		}
		n.Add(1)
		return v
	})
	return &n
}

// While a master was without its replica it refused half messages, and half of the purchases were answered 503, though the
// other master took all there were.
func TestAMasterThatRefusesCostsNoPurchase(t *testing.T) {
	o := newTwoMasters(t)
	screening := o.addScreening(100, 0)
	refused := o.onHalf(broker.Fail(broker.SystemError, "in-sync replicas not enough"))
	for i := range 20 {
		o.mustBuy("buyer-"+strconv.Itoa(i), screening, 1)
	}
	if refused.Load() == 0 {
		t.Error("no half message was refused: the test shows nothing")
	}
	o.eventuallyCounters(screening, 80, 20, 0)
}

// The first master stores the half message and its answer is lost, so the second one gets it too. The check-back of the first
// finds the fence committed and delivers the reservation once more: there is one order all the same.
func TestAHalfAtTwoMastersIsOneOrder(t *testing.T) {
	o := newTwoMasters(t)
	screening := o.addScreening(100, 0)
	lost, committed := o.onHalf(broker.DropReply), o.countCheckAnswers("8")
	var orders []string
	for i := 0; lost.Load() == 0; i++ {
		if i == 20 {
			t.Fatal("no half message went to the first master")
		}
		orders = append(orders, o.mustBuy("alice", screening, 1).ID)
	}
	o.eventually("the check-back is answered commit", func() bool { return committed.Load() > 0 })
	first, ok := o.queue.(*broker.Broker)
	o.eventually("the first master's reservation is read", func() bool {
		return ok && len(first.Messages("stock-reserved")) > 0 && first.ConsumerLag("boxoffice-order-create", "stock-reserved") == 0
	})
	for _, id := range orders {
		o.eventuallyStatus("alice", id, "pending_payment")
	}
	n := int64(len(orders))
	o.eventuallyCounters(screening, 100-n, n, 0)
	r := o.must("GET", "/v1/orders", bearer(t, "alice", "buyer"), "")
	if list := decode[struct{ Items []orderJSON }](t, r); len(list.Items) != len(orders) {
		t.Errorf("%d orders, want %d: %s", len(list.Items), len(orders), r.body)
	}
	o.wantHealthy(2 * time.Minute)
}
