package stock

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

func (o *office) wantSwept(t *testing.T, want int) {
	t.Helper()
	if n, err := o.sweeper.Sweep(t.Context()); err != nil || n != want {
		t.Errorf("swept %d, %v, want %d", n, err, want)
	}
}

func TestSweepPublishesWhatIsOverdueAgain(t *testing.T) {
	o := newOffice(t, Options{SweepGrace: 10 * time.Second})
	screening := addScreening(t, o.Stock, 1000, 0)
	settle(t, o.Stock, event.Paid, buy(t, o.Stock, screening.ID, "bob", "k", 1).ID)
	bought := buy(t, o.Stock, screening.ID, "alice", "k", 1)
	o.clock.Advance(69 * time.Second)
	o.wantSwept(t, 0)
	o.clock.Advance(time.Second)
	o.wantSwept(t, 1)
	o.wantSwept(t, 0)
	o.wantPublished(t, event.Reserved{Orders: []event.Order{bought.Order}})
	o.clock.Advance(10 * time.Second)
	o.wantSwept(t, 1)
	o.clock.Advance(19 * time.Second)
	o.wantSwept(t, 0) // the pause doubles
	o.clock.Advance(time.Second)
	o.wantSwept(t, 1)
	settle(t, o.Stock, event.Cancelled, bought.ID)
	o.clock.Advance(time.Hour)
	o.wantSwept(t, 0)
}

func TestSweepIsBoundedByMessageAndCompletesInPasses(t *testing.T) {
	o := newFaultyOffice(t, Options{})
	screening := addScreening(t, o.Stock, 1000, 0)
	const overdue = publishOrders + 44
	if outcome, err := o.execute(t.Context(), handMade(screening, 1, crowd(overdue)...)); outcome != mq.Commit {
		t.Fatal(err)
	}
	o.clock.Advance(time.Hour)
	o.wantSwept(t, overdue)
	if messages := o.published(t); len(messages) != 2 || len(messages[0].Orders) != publishOrders {
		t.Errorf("%d messages", len(messages))
	}
}

// The broker is away while reservations fall due: they must not wait for their next turn once it is back.
func TestSweepThatCannotSendLeavesItsClaimsDue(t *testing.T) {
	o := newFaultyOffice(t, Options{})
	screening := addScreening(t, o.Stock, 10, 0)
	buy(t, o.Stock, screening.ID, "alice", "k", 1)
	o.clock.Advance(time.Hour)
	remove := o.broker.Intercept(broker.SendMessage, func(*broker.Request) broker.Verdict { return broker.Fail(broker.MessageIllegal, "illegal") })
	n, err := o.sweeper.Sweep(t.Context())
	wantErr(t, err, ErrUnavailable)
	if n != 0 {
		t.Errorf("swept %d without a broker", n)
	}
	remove()
	o.wantSwept(t, 1)
}

// A process put off the sweep of what it was about to publish for up to ten graces, and died: the tickets came back as
// late as that. What it leaves is published as soon as its lease is over.
func TestClaimOfADeadProcessIsTakenOver(t *testing.T) {
	o := newFaultyOffice(t, Options{SweepGrace: 30 * time.Second})
	screening := addScreening(t, o.Stock, 10, 0)
	buy(t, o.Stock, screening.ID, "alice", "k", 1)
	o.clock.Advance(time.Hour)
	if due, err := o.claimDue(t.Context(), publishOrders); err != nil || len(due.orders) != 1 {
		t.Fatalf("claimed %v, %v", due, err)
	}
	o.wantSwept(t, 0) // the other process may be at it
	o.clock.Advance(sweepLease)
	o.wantSwept(t, 1)
	o.clock.Advance(sweepLease)
	o.wantSwept(t, 0) // what was published waits for its answer
}

func TestTwoSweepersShareTheWork(t *testing.T) {
	s, c := newStock(t)
	screening := addScreening(t, s, 1000, 0)
	for i := range 60 {
		buy(t, s, screening.ID, fmt.Sprintf("buyer-%d", i), "k", 1)
	}
	c.Advance(time.Hour)
	claims := make(chan []event.Order)
	for range 3 {
		go func() {
			var mine []event.Order
			for idle := 0; idle < 5; {
				due, err := s.claimDue(context.Background(), 4)
				switch {
				case errors.Is(err, db.ErrConflict): // another was faster
				case err != nil:
					t.Error(err)
					idle = 5
				case len(due.orders) == 0:
					idle++
				}
				mine = append(mine, due.orders...)
			}
			claims <- mine
		}()
	}
	seen := map[string]int{}
	for range 3 {
		for _, o := range <-claims {
			seen[o.ID]++
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("order %s was claimed %d times", id, n)
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d orders were claimed, want all 60", len(seen))
	}
}

func TestOldFencesGo(t *testing.T) {
	s, c := newStock(t)
	old := NewID(s.now())
	s.Check(t.Context(), mq.Half{TxID: old})
	c.Advance(fenceRetention + time.Second)
	young := NewID(s.now())
	s.Check(t.Context(), mq.Half{TxID: young})
	if err := s.deleteOldFences(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]mq.Outcome{old: mq.Unknown, young: mq.Rollback} {
		if got, err := s.fence(t.Context(), id); err != nil || got != want {
			t.Errorf("fence %s: %v, %v, want %v", id, got, err, want)
		}
	}
}

func TestRunSweepsUntilItsContextEnds(t *testing.T) {
	o := newOffice(t, Options{SweepGrace: 20 * time.Millisecond})
	screening := addScreening(t, o.Stock, 10, 0)
	buy(t, o.Stock, screening.ID, "alice", "k", 1)
	o.clock.Advance(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); o.sweeper.Run(ctx) }()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var due int
		if err := o.db.Reader().Get(&due, `SELECT COUNT(*) FROM reservations WHERE sweep_at <= ?`, o.clock.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		if due == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was swept")
		}
	}
	cancel()
	<-done
}
