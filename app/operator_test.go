//go:build !race

package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/simulator"
)

// operatedJSON is what these tests read of a screening as operators see it.
type operatedJSON struct {
	Available    int64
	Reserved     int64
	Sold         int64
	Archived     bool
	Cancellation *struct {
		DoneAt      *string `json:"done_at"`
		TicketsLeft int64   `json:"tickets_left"`
	}
	Archive *struct {
		Orders int64
		DoneAt *string `json:"done_at"`
	}
	Orders *struct {
		Reserved, Paid, Cancelled struct{ Orders, Tickets int64 }
	}
	Money *struct{ Received, Refunded struct{ Amount int64 } }
}

func (o *officeTest) operated(screening string) operatedJSON {
	o.t.Helper()
	r := o.must("GET", "/v1/admin/screenings/"+screening, bearer(o.t, "boss", "admin"), "")
	if r.status != http.StatusOK {
		o.t.Fatalf("operated screening: %d %s", r.status, r.body)
	}
	return decode[operatedJSON](o.t, r)
}

func (o *officeTest) operate(method, path, body string, status int) {
	o.t.Helper()
	if r := o.must(method, path, bearer(o.t, "boss", "admin"), body); r.status != status {
		o.t.Errorf("%s %s with %s: %d %s, want %d", method, path, body, r.status, r.body, status)
	}
}

// A screening is paused, resumed and cancelled while an order is paid and another is not, and later archived. What was paid
// goes back, every act is on record, and the doctor is content.
func TestOperatorRunsAScreening(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 4)
	o.operate("PATCH", "/v1/screenings/"+screening, `{"price":{"amount":4900,"currency":"CNY"},"description":"A film.","note":"a text"}`, 200)
	paid, unpaid := o.mustBuy("alice", screening, 2), o.mustBuy("bob", screening, 1)
	o.eventuallyStatus("alice", paid.ID, "pending_payment")
	o.callback("pay", paid.ID, 2)
	o.eventuallyCounters(screening, 7, 1, 2)
	o.operate("PATCH", "/v1/screenings/"+screening, `{"paused":true,"note":"a leak"}`, 200)
	if code := o.buy("carol", screening, "k", 1).code(); code != "sale_paused" {
		t.Errorf("a paused sale answers %q", code)
	}
	if again := o.buy("alice", screening, "key-of-alice", 2); again.status != http.StatusAccepted {
		t.Errorf("the same key in a pause: %d %s", again.status, again.body)
	}
	o.operate("PATCH", "/v1/screenings/"+screening, `{"paused":false}`, 200)
	if r := o.buy("carol", screening, "k", 1); r.status != http.StatusAccepted {
		t.Errorf("a resumed sale answers %d %s", r.status, r.body)
	}
	o.operate("PATCH", "/v1/screenings/"+screening, `{"price":{"amount":1,"currency":"CNY"}}`, 409)
	if sold := o.operated(screening); sold.Orders == nil || sold.Orders.Paid.Tickets != 2 || sold.Money == nil || sold.Money.Received.Amount != 9800 {
		t.Errorf("operators see %+v", sold)
	}
	o.operate("POST", "/v1/admin/screenings/"+screening+"/archive", `{"note":"too early"}`, 409)
	o.operate("POST", "/v1/admin/screenings/"+screening+"/cancel", `{"note":"the projector"}`, 202)
	if code := o.buy("dave", screening, "k", 1).code(); code != "screening_cancelled" {
		t.Errorf("a cancelled screening answers %q", code)
	}
	o.eventually("the cancellation is done", func() bool {
		c := o.operated(screening).Cancellation
		return c != nil && c.DoneAt != nil && c.TicketsLeft == 0
	})
	o.eventuallyCounters(screening, 10, 0, 0)
	o.eventuallyStatus("alice", paid.ID, "cancelled")
	o.eventuallyStatus("bob", unpaid.ID, "cancelled")
	if n := o.refundsDue(paid.ID); n != 1 {
		t.Errorf("%d refunds, want 1", n)
	}
	if result := o.callback("late", unpaid.ID, 1); result != "refund_due" {
		t.Errorf("a late payment is %q", result)
	}
	o.operate("POST", "/v1/admin/screenings/"+screening+"/cancel", `{"note":"again"}`, 202)
	o.wantHealthy(5 * time.Minute)

	o.advance(72*time.Hour + archiveAgeDefault + time.Hour)
	o.operate("POST", "/v1/admin/screenings/"+screening+"/archive", `{"note":"it is over"}`, 202)
	o.eventually("the archive is done", func() bool {
		a := o.operated(screening)
		return a.Archived && a.Archive.Orders == 3 && a.Archive.DoneAt != nil
	})
	r := o.must("GET", "/v1/admin/acts?subject="+screening, bearer(t, "boss", "admin"), "")
	var acts []string
	for _, a := range decode[struct{ Items []struct{ Act, Actor string } }](t, r).Items {
		acts = append(acts, a.Act)
	}
	want := "screening_archive screening_cancel screening_resume screening_pause screening_change screening_create"
	if got := strings.Join(acts, " "); got != want {
		t.Errorf("acts %s, want %s", got, want)
	}
}

// A worker that ends the orders of a cancelled screening dies at any instant, of two that are started again and again,
// while people still buy and pay. Every ticket comes back, and every payment goes back exactly once.
func TestKillOfTheCancellingWorker(t *testing.T) {
	slow(t)
	kills := numberFrom(t, "BOXOFFICE_TEST_KILLS", refundKills)
	provider, url := newProvider(t, simulator.Options{Seed: 5, Faults: simulator.Faults{
		AutoPay: 0.7, AutoPayWithin: 2 * time.Second, RefundUnanswered: 0.2,
	}})
	o := newPrograms(t, "BOXOFFICE_PAYMENT_URL", url)
	o.sharedParts()
	o.startProgram("-roles", "api,order")
	o.env["BOXOFFICE_PUBLIC_URL"] = o.shop
	workers := []program{o.launch("-roles", "stock"), o.launch("-roles", "stock")}
	screening := o.addScreening(100_000, 0)
	var sale sync.WaitGroup
	for n := range 4 {
		sale.Go(func() {
			for i := 0; ; i++ {
				buyer := fmt.Sprint("buyer-", n, "-", i)
				r := o.buy(buyer, screening, "k", 1)
				switch {
				case r.code() == "screening_cancelled":
					return
				case r.status != http.StatusAccepted:
					t.Errorf("buy: %d %s", r.status, r.body)
					return
				}
				o.must("POST", "/v1/orders/"+decode[orderJSON](t, r).ID+"/payments", bearer(t, buyer, "buyer"),
					`{"provider":"webhook","return_url":"https://shop.example/"}`)
			}
		})
	}
	orders := 200 * kills
	o.within(4*testDeadline, "a sale", func() bool { _, r, s := o.counters(screening); return r+s >= int64(orders) })
	o.operate("POST", "/v1/admin/screenings/"+screening+"/cancel", `{"note":"the projector"}`, 202)
	sale.Wait()
	random := rand.New(rand.NewPCG(6, 6))
	for i := range kills {
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		n := i % len(workers)
		workers[n].kill(t)
		workers[n] = o.launch("-roles", "stock")
	}
	o.within(4*testDeadline, "the cancellation is done", func() bool {
		c := o.operated(screening).Cancellation
		return c != nil && c.DoneAt != nil
	})
	o.eventuallyCounters(screening, 100_000, 0, 0)
	o.within(4*testDeadline, "all money is back", func() bool {
		o.write(o.orderDSN, `UPDATE refunds SET next_at = 0 WHERE state = 'failed' AND next_at > ?`, time.Now().Add(time.Minute).UnixMilli())
		var open int
		o.read(o.orderDSN, &open, `SELECT (SELECT COUNT(*) FROM refunds WHERE state <> 'done') +
			(SELECT COUNT(*) FROM payments WHERE refunded <> amount)`)
		return open == 0
	})
	var pending, payments int
	o.read(o.orderDSN, &pending, `SELECT COUNT(*) FROM orders WHERE state <> 'CANCELLED'`)
	o.read(o.orderDSN, &payments, `SELECT COUNT(*) FROM payments`)
	if pending != 0 || payments == 0 {
		t.Errorf("%d orders are not cancelled, %d payments came", pending, payments)
	}
	for key, refund := range provider.Books().Refunds {
		if refund.Moved != 1 {
			t.Errorf("refund %s moved money %d times", key, refund.Moved)
		}
	}
	t.Logf("%d kills, %d payments", kills, payments)
}
