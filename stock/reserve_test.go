package stock

import (
	"fmt"
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/mq"
)

// The id is in every database and every retry: a change of its form would sell twice to those who retry across it.
func TestRequestIDIsPinned(t *testing.T) {
	if got, want := RequestID("alice", "k1"), "dqkohrjjde3usvn20d8756afho"; got != want {
		t.Errorf("RequestID = %q, want %q", got, want)
	}
	if RequestID("ab", "c") == RequestID("a", "bc") {
		t.Error("buyer and key run into each other")
	}
	from, until := buyerRange("alice")
	for n := range 1000 {
		if id := RequestID("alice", fmt.Sprint(n)); id < from || id >= until {
			t.Fatalf("%s is not between %s and %s", id, from, until)
		}
	}
}

// A list is all or nothing: one order that cannot be reserved leaves no trace of the others, not even the fence.
func TestLocalTransactionIsAllOrNothing(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 2)
	buy(t, s, screening.ID, "alice", "k", 1)
	existing := handMade(screening, 2, "alice")
	existing.Requests[0] = RequestID("alice", "k2")
	existing.Holdings[0].Exists = true
	for name, l := range map[string]ReservationList{
		"order is there":    handMade(screening, 1, "alice", "bob"),
		"more than is left": handMade(screening, 1, "bob", "carol", "dave", "erin", "frank"),
		"over the limit":    existing,
		"holding row is made": func() ReservationList {
			l := handMade(screening, 1, "alice")
			l.Requests[0] = RequestID("alice", "k3")
			return l
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			outcome, err := s.execute(t.Context(), l)
			wantErr(t, err, db.ErrConflict)
			if outcome != mq.Rollback {
				t.Errorf("outcome %v, want Rollback", outcome)
			}
			wantStock(t, s, screening.ID, 4, 1, 0)
			if fence, err := s.fence(t.Context(), l.TxID); err != nil || fence != mq.Unknown {
				t.Errorf("fence is %v, %v, want none", fence, err)
			}
		})
	}
}
