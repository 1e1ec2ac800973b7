package order

import (
	"testing"
	"time"

	"boxoffice/common/event"
)

// Each delivery of payment-due that found its order pending sent another one. A message that came twice, a reservation that
// the sweeper published again, and a handler that failed after it had sent, each began a chain of its own: all of them woke the
// office every few seconds while a provider was away, and asked it.
func TestOrderHasOneChainOfPaymentDue(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(25 * time.Minute) // two delays of ten minutes, and one of five
	for range 4 {                    // the queue may deliver it again
		f.create(o)
	}
	chains := f.dues()
	if len(chains) != 4 {
		t.Fatalf("sent %+v", chains)
	}
	// the deadline moves, which sends nothing
	held, err := f.orders.HoldForPayment(t.Context(), o, Hold{Deadline: o.ExpiresAt + 300_000, AskUntil: o.ExpiresAt + 360_000})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for ; f.find(o.ID).State == PendingPayment && steps < 20; steps++ {
		f.clock.advance(delayOf(chains[0].level))
		before := len(f.dues())
		for _, due := range chains {
			f.deliver(due.Due)
			f.deliver(due.Due) // each of them twice
		}
		if chains = f.dues()[before:]; len(chains) > 1 {
			t.Fatalf("step %d: sent on %+v", steps, chains)
		}
		f.create(o) // the sweeper publishes it again
		chains = f.dues()[before:]
	}
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	if late := f.clock.now().UnixMilli() - held.cancelAfter(); late < 0 || late > 2000 {
		t.Errorf("cancelled %d ms late, after %d steps", late, steps)
	}
}

// A process died after it had sent payment-due again and before that was recorded. Its message comes once more, and neither
// is the chain lost nor are there two from the next look on.
func TestChainOfPaymentDueSurvivesItsProcess(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(25 * time.Minute)
	f.create(o)
	first := f.dues()[0].Due
	f.clock.advance(10 * time.Minute)
	f.deliver(first)
	f.exec(`UPDATE orders SET looks = 0`)
	f.deliver(first)
	both := f.dues()[1:]
	if len(both) != 2 || both[0].LooksAt(0) != 1 || both[1].LooksAt(0) != 1 {
		t.Fatalf("sent on %+v, want the same twice", both)
	}
	f.exec(`UPDATE orders SET looks = 0`) // as in a backup of before
	f.clock.advance(10 * time.Minute)
	f.deliver(both[0].Due)
	f.deliver(both[1].Due)
	if dues := f.dues()[3:]; len(dues) != 1 || dues[0].LooksAt(0) != 2 {
		t.Errorf("sent on %+v, want one", dues)
	}
}

// One message lists orders that other messages have overtaken, and one that goes on: that one alone is sent on.
func TestOvertakenOrdersAreNotSentOn(t *testing.T) {
	f := newFixture(t)
	slow, quick := f.reserve(25*time.Minute), f.reserve(25*time.Minute)
	f.create(slow, quick)
	f.clock.advance(10 * time.Minute)
	f.deliver(event.Due{OrderIDs: []string{quick.ID}})
	before := len(f.dues())
	f.deliver(event.Due{OrderIDs: []string{slow.ID, quick.ID}})
	if dues := f.dues()[before:]; len(dues) != 1 || len(dues[0].OrderIDs) != 1 || dues[0].OrderIDs[0] != slow.ID {
		t.Errorf("sent on %+v, want %s alone", dues, slow.ID)
	}
}
