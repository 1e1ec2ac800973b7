//go:build !race

package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"boxoffice/simulator"
)

// refundKills is how often TestKillOfTheRefundWorker kills the worker; BOXOFFICE_TEST_KILLS sets another number.
const refundKills = 8

// A worker dies at any instant of sending refunds: before the provider has one, while it answers, after it has answered.
// Two processes send them, one after the other is killed and started again, and the provider loses answers besides. Every
// refund goes back exactly once.
func TestKillOfTheRefundWorker(t *testing.T) {
	slow(t)
	kills := numberFrom(t, "BOXOFFICE_TEST_KILLS", refundKills)
	provider, url := newProvider(t, simulator.Options{Seed: 3, Faults: simulator.Faults{
		AutoPay: 1, AutoPayWithin: time.Millisecond, Early: 1, Lost: 0.5, RefundUnanswered: 0.3, SlowAnswer: 0.5, MaxDelay: 200 * time.Millisecond,
	}})
	o := newPrograms(t, "BOXOFFICE_PAYMENT_URL", url)
	o.sharedParts()
	o.startProgram("-roles", "api,stock")
	refunds := 25 * kills
	o.payAndCancel(refunds)
	o.env["BOXOFFICE_PUBLIC_URL"] = o.shop
	workers := []program{o.launch("-roles", "order"), o.launch("-roles", "order")}
	random := rand.New(rand.NewPCG(4, 4))
	for i := range kills {
		time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
		n := i % len(workers)
		workers[n].kill(t)
		workers[n] = o.launch("-roles", "order")
	}
	o.within(4*testDeadline, "all refunds done", func() bool {
		// Pauses between tries are not waited for: only leases of the dead are.
		o.write(o.orderDSN, `UPDATE refunds SET next_at = 0 WHERE state = 'failed' AND next_at > ?`,
			time.Now().Add(time.Minute).UnixMilli())
		var done int
		o.read(o.orderDSN, &done, `SELECT COUNT(*) FROM refunds WHERE state = 'done'`)
		return done == refunds
	})
	moved, again := 0, 0
	for key, refund := range provider.Books().Refunds {
		moved += refund.Moved
		if refund.Moved != 1 {
			t.Errorf("refund %s moved money %d times", key, refund.Moved)
		}
		if refund.Calls > 1 {
			again++
		}
	}
	if moved != refunds {
		t.Errorf("%d refunds moved money, want %d", moved, refunds)
	}
	if again == 0 {
		t.Error("no refund was sent again: nothing was shown")
	}
	t.Logf("%d kills, %d refunds, %d of them sent more than once: %+v", kills, refunds, again, provider.Books().Counts)
}

// payAndCancel makes orders that are paid, cancels them for the office, and so makes as many refunds due. No process of
// the role order runs meanwhile.
func (o *officeTest) payAndCancel(orders int) {
	o.t.Helper()
	screening := o.addScreening(orders, 0)
	boss := bearer(o.t, "boss", "admin")
	for i := range orders {
		buyer := fmt.Sprint("buyer-", i)
		id := o.mustBuy(buyer, screening, 1).ID
		r := o.must("POST", "/v1/orders/"+id+"/payments", bearer(o.t, buyer, "buyer"),
			`{"provider":"webhook","return_url":"https://shop.example/"}`)
		if r.status != http.StatusOK {
			o.t.Fatalf("start payment: %d %s", r.status, r.body)
		}
		o.eventually("the order is paid", func() bool {
			return o.must("POST", "/v1/admin/orders/"+id+"/cancel", boss, `{"note":"the projector"}`).status == http.StatusOK
		})
	}
}
