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
	"boxoffice/common/db"
)

// countCheckAnswers counts the answers to check-backs: 8 is commit, 12 rollback (MessageSysFlag).
func (o *officeTest) countCheckAnswers(outcome string) *atomic.Int64 {
	var n atomic.Int64
	o.queue.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
		if r.Ext["fromTransactionCheck"] == "true" && r.Ext["commitOrRollback"] == outcome {
			n.Add(1)
		}
		return broker.Pass
	})
	return &n
}

// The process that reserved says commit, and the word is lost on the way: the broker asks back, and the database knows.
func TestLostCommitIsFoundByTheCheckBack(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	var lost atomic.Int64
	o.queue.Intercept(broker.EndTransaction, func(r *broker.Request) broker.Verdict {
		if r.Ext["fromTransactionCheck"] == "true" || r.Ext["commitOrRollback"] != "8" {
			return broker.Pass
		}
		lost.Add(1)
		return broker.Drop
	})
	order := o.mustBuy("alice", screening, 1)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	if lost.Load() == 0 {
		t.Error("no commit was lost: the test shows nothing")
	}
	o.eventuallyCounters(screening, 9, 1, 0)
}

// The half message is stored but its answer is lost, so the local transaction never runs. The check-back finds no fence
// row, puts one there and answers rollback; the buyer's retry is a fresh purchase under the same order id.
func TestLostHalfAnswerLeaksNoStock(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	var once atomic.Bool
	rolledBack := o.countCheckAnswers("12")
	o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		if r.Topic() == o.topic("stock-reserved") && once.CompareAndSwap(false, true) {
			return broker.DropReply
		}
		return broker.Pass
	})
	first := o.buy("alice", screening, "k", 2)
	if first.status != http.StatusAccepted && first.status != http.StatusServiceUnavailable {
		t.Errorf("purchase with a lost answer: %d %s, want 202 or 503", first.status, first.body)
	}
	o.eventually("half rolled back", func() bool { return rolledBack.Load() > 0 })
	again := o.buy("alice", screening, "k", 2)
	if again.status != http.StatusAccepted {
		t.Fatalf("the buyer's retry: %d %s", again.status, again.body)
	}
	o.eventuallyStatus("alice", decode[orderJSON](t, again).ID, "pending_payment")
	o.eventuallyCounters(screening, 8, 2, 0)
}

// The local transaction hangs on a locked database for longer than the broker waits: the check-back comes first and
// must not answer for a transaction that can still commit.
func TestCheckBackDuringTheLocalTransaction(t *testing.T) {
	o := newOffice(t)
	screening := o.addScreening(10, 0)
	var asked atomic.Int64
	o.queue.Intercept(broker.CheckTransactionState, func(*broker.Request) broker.Verdict { asked.Add(1); return broker.Pass })
	lock, err := db.Open(t.Context(), o.stockDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	var first response
	var buying sync.WaitGroup
	err = lock.InTx(t.Context(), func(tx *db.Tx) error {
		// SQLite locks the file at once, MySQL the row that every reservation ends with.
		if _, err := tx.ExecContext(t.Context(), `UPDATE stock SET capacity = capacity WHERE screening_id = ?`, screening); err != nil {
			return err
		}
		bought := make(chan struct{})
		buying.Go(func() { defer close(bought); first = o.buy("alice", screening, "k", 1) })
		o.eventually("check-back", func() bool {
			if o.broker != nil && len(o.broker.HalfMessages()) == 1 {
				o.broker.Advance(5 * time.Second) // the broker asks, while the listener waits for the lock
			}
			select {
			case <-bought: // a real broker that is slow to ask finds a transaction that has given up
				return true
			default:
				return asked.Load() > 0
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	buying.Wait()
	if first.status != http.StatusAccepted && first.status != http.StatusServiceUnavailable {
		t.Errorf("purchase: %d %s, want 202 or 503", first.status, first.body)
	}
	again := o.buy("alice", screening, "k", 1)
	if again.status != http.StatusAccepted {
		t.Fatalf("the buyer's retry: %d %s", again.status, again.body)
	}
	o.eventuallyStatus("alice", decode[orderJSON](t, again).ID, "pending_payment")
	o.eventuallyCounters(screening, 9, 1, 0)
}

func TestEverythingDeliveredTwice(t *testing.T) {
	o := newOffice(t, "-pay-window", "3s")
	o.queue.DeliverTwice(true)
	o.queue.Intercept(broker.EndTransaction, func(*broker.Request) broker.Verdict { return broker.Twice })
	screening := o.addScreening(100, 0)
	for n := range 10 {
		buyer := fmt.Sprint("buyer-", n)
		order := o.mustBuy(buyer, screening, 2)
		if n%2 == 0 {
			if result := o.callback("pay-"+buyer, order.ID, 2); result != "applied" && result != "parked" {
				t.Errorf("payment: %s", result)
			}
		}
	}
	o.eventuallyCounters(screening, 90, 0, 10)
}

// Every word of the producer is lost, check-back answers included, until the broker gives the half message up. The
// reservations stand in the database, and the sweeper brings each to its end.
func TestSweeperHealsADiscardedHalf(t *testing.T) {
	h := newHome(t, broker.WithTransactionCheckInterval(200*time.Millisecond), broker.WithTransactionCheckMax(2))
	o := newOfficeAt(t, h, "-pay-window", "3s", "-sweep-grace", "1s")
	screening := o.addScreening(10, 0)
	o.queue.Intercept(broker.EndTransaction, func(*broker.Request) broker.Verdict { return broker.Drop })
	paid, unpaid := o.mustBuy("alice", screening, 1), o.mustBuy("bob", screening, 2)
	if result := o.callback("early", paid.ID, 1); result != "parked" {
		t.Errorf("payment before the order: %s, want parked", result)
	}
	if o.broker != nil { // a real one has more checks than a test has time: there the halves stay open
		o.eventually("halves given up", func() bool { return len(o.broker.Messages("TRANS_CHECK_MAX_TIME_TOPIC")) >= 2 })
	}
	o.eventuallyStatus("alice", paid.ID, "paid")
	o.eventuallyStatus("bob", unpaid.ID, "cancelled")
	o.eventuallyCounters(screening, 9, 0, 1)
}

func TestSweeperHealsALostDelayMessage(t *testing.T) {
	h := newHome(t)
	var lost atomic.Int64
	h.queue.Intercept(broker.PullMessage, func(r *broker.Request) broker.Verdict { // before the first pull is held
		if r.Topic() == h.topic("payment-due") {
			lost.Add(1)
			return broker.Drop // what is never delivered is lost
		}
		return broker.Pass
	})
	o := newOfficeAt(t, h, "-pay-window", "3s", "-sweep-grace", "2s")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	got := o.eventuallyStatus("alice", order.ID, "cancelled")
	if lost.Load() == 0 || got.ServerTime.Before(got.ExpiresAt.Add(time.Second)) {
		t.Errorf("cancelled at %s, due at %s: by the delay message, which should be lost", got.ServerTime, got.ExpiresAt)
	}
	o.eventuallyCounters(screening, 10, 0, 0)
}

func TestSweeperHealsALostSettleMessage(t *testing.T) {
	o := newOffice(t, "-pay-window", "3s", "-sweep-grace", "1s")
	screening := o.addScreening(10, 0)
	order := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", order.ID, "pending_payment")
	var lost, swept atomic.Int64
	heal := o.queue.Intercept(broker.SendMessage, func(r *broker.Request) broker.Verdict {
		switch {
		case r.Topic() == o.topic("order-settled") && swept.Load() == 0:
			lost.Add(1)
			return broker.Fail(broker.MessageIllegal, "message refused by the test")
		case r.Topic() == o.topic("stock-reserved") && r.Property("TRAN_MSG") == "":
			swept.Add(1)
		}
		return broker.Pass
	})
	defer heal()
	if result := o.callback("pay", order.ID, 2); result != "applied" {
		t.Errorf("payment: %s, want applied", result)
	}
	o.eventuallyCounters(screening, 8, 0, 2)
	if lost.Load() == 0 || swept.Load() == 0 {
		t.Errorf("%d settle messages lost and %d sweeps, want some of each", lost.Load(), swept.Load())
	}
}
