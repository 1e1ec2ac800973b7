//go:build !race

package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"boxoffice/simulator"
)

// refundKills is how often TestKillOfTheRefundWorker kills a worker; BOXOFFICE_TEST_KILLS sets another number, such as 200
// with -timeout 1h.
const refundKills = 8

// A worker dies at any instant of sending refunds: before the provider acts, after it has acted and before it answers, and
// while the answer is recorded. Two processes send them, while more become due, one after the other is killed and started
// again, and the provider loses answers besides. Each kill comes while the provider has a call of that very process, and but
// for those after the answer the provider sees the process vanish from it. Every refund goes back exactly once.
func TestKillOfTheRefundWorker(t *testing.T) {
	slow(t)
	kills := numberFrom(t, "BOXOFFICE_TEST_KILLS", refundKills)
	// No callback tells of a refund, so that one whose answer was lost is sent again.
	provider, url := newProvider(t, simulator.Options{Seed: 3, Faults: simulator.Faults{
		AutoPay: 1, AutoPayWithin: time.Millisecond, Early: 1, Lost: 1, RefundUnanswered: 0.1, MaxDelay: 200 * time.Millisecond,
	}})
	o := newPrograms(t, "BOXOFFICE_PAYMENT_URL", url)
	o.sharedParts()
	o.startProgram("-roles", "api,stock")
	o.env["BOXOFFICE_PUBLIC_URL"] = o.shop
	var gates [2]*refundGate
	var workers [2]program
	launch := func(n int) {
		var workerURL string
		gates[n], workerURL = newRefundGate(t, provider.Handler())
		o.env["BOXOFFICE_PAYMENT_URL"] = workerURL
		workers[n] = o.launch("-roles", "order")
	}
	launch(0)
	launch(1)
	stopFeeding := o.makeRefundsDue()
	random := rand.New(rand.NewPCG(4, 4))
	counts, repeated := [moments]struct{ kills, cut int }{}, map[string]bool{}
	for i := range kills {
		n, at := i%len(workers), moment(i%int(moments))
		held := gates[n].arm(at)
		var key string
		select {
		case key = <-held.under:
		case <-time.After(testDeadline):
			t.Fatal("the worker has sent no refund")
		}
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		workers[n].kill(t)
		counts[at].kills++
		if at != afterAnswer && <-held.cut {
			counts[at].cut++
			repeated[key] = at == afterItActed
		}
		launch(n)
	}
	stopFeeding()
	refunds := o.allRefundsDone()
	o.wantEachRefundOnce(provider.Books(), refunds, repeated)
	inside := counts[beforeItActs].kills + counts[afterItActed].kills
	if cut := counts[beforeItActs].cut + counts[afterItActed].cut; inside == 0 || cut != inside {
		t.Errorf("of %d kills while the provider had not answered it saw %d", inside, cut)
	}
	t.Logf("%d kills: before the provider acts, after it has acted, after its answer, and how many of them cut a call: %v; %d refunds: %+v",
		kills, counts, refunds, provider.Books().Counts)
}

// wantEachRefundOnce checks the provider's books: each refund moved money once, also those whose worker never got the answer.
func (o *officeTest) wantEachRefundOnce(books simulator.Books, refunds int, repeated map[string]bool) {
	o.t.Helper()
	moved := 0
	for key, refund := range books.Refunds {
		moved += refund.Moved
		if refund.Moved != 1 {
			o.t.Errorf("refund %s moved money %d times", key, refund.Moved)
		}
		if repeated[key] && refund.Calls < 2 {
			o.t.Errorf("refund %s, whose answer nobody got, was sent %d times", key, refund.Calls)
		}
	}
	if moved != refunds || books.Counts.TooMuch > 0 {
		o.t.Errorf("money moved %d times for %d refunds, and was to move %d times too often", moved, refunds, books.Counts.TooMuch)
	}
}

// allRefundsDone waits until all refunds are done, and returns how many there are.
func (o *officeTest) allRefundsDone() int {
	o.t.Helper()
	var counts struct{ Total, Done int }
	o.within(4*testDeadline, "all refunds done", func() bool {
		// Pauses between tries are not waited for: only leases of the dead are.
		o.write(o.orderDSN, `UPDATE refunds SET next_at = 0 WHERE state = 'failed' AND next_at > ?`,
			time.Now().Add(time.Minute).UnixMilli())
		o.read(o.orderDSN, &counts, `SELECT COUNT(*) AS total, COALESCE(SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END), 0) AS done FROM refunds`)
		return counts.Total > 0 && counts.Done == counts.Total
	})
	return counts.Total
}

// makeRefundsDue makes one refund due after the other until stop is called: it buys a ticket, has it paid, and cancels the
// order for the office.
func (o *officeTest) makeRefundsDue() (stop func()) {
	o.t.Helper()
	screening := o.addScreening(100_000, 0)
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			if err := o.payAndCancel(fmt.Sprint("buyer-", i), screening); err != nil {
				o.t.Error(err)
				return
			}
		}
	}()
	stop = func() { cancel(); <-done }
	o.t.Cleanup(stop)
	return stop
}

// payAndCancel makes one refund due.
func (o *officeTest) payAndCancel(buyer, screening string) error {
	token, boss := bearer(o.t, buyer, "buyer"), bearer(o.t, "boss", "admin")
	r, err := o.send("POST", "/v1/screenings/"+screening+"/orders", token, `{"quantity":1}`, "Idempotency-Key", "k")
	if err != nil || r.status != http.StatusAccepted {
		return fmt.Errorf("buy: %w, %d %s", err, r.status, r.body)
	}
	order := "/v1/orders/" + decode[orderJSON](o.t, r).ID
	// The provider takes the money at once, so that its callback may have paid the order before the start is answered.
	r, err = o.send("POST", order+"/payments", token, `{"provider":"webhook","return_url":"https://shop.example/"}`)
	if err != nil || r.status != http.StatusOK && r.code() != "already_paid" {
		return fmt.Errorf("start payment: %w, %d %s", err, r.status, r.body)
	}
	for deadline := time.Now().Add(testDeadline); ; time.Sleep(10 * time.Millisecond) {
		r, err = o.send("POST", "/v1/admin"+order[len("/v1"):]+"/cancel", boss, `{"note":"the projector"}`)
		if err != nil || r.status == http.StatusOK {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cancel: %d %s", r.status, r.body)
		}
	}
}
