package stock

import (
	"testing"

	"boxoffice/common/mq"
)

func TestCheckAnswersForWhatIsCommitted(t *testing.T) {
	s, _ := newStock(t)
	l := handMade(addScreening(t, s, 5, 0), 1, "alice")
	if outcome, err := s.execute(t.Context(), l); err != nil || outcome != mq.Commit {
		t.Fatalf("execute: %v, %v", outcome, err)
	}
	for range 2 {
		if got := s.Check(t.Context(), mq.Half{TxID: l.txID}); got != mq.Commit {
			t.Errorf("check: %v, want Commit", got)
		}
	}
}

// The check-back came while the local transaction was still on its way, found nothing and answered Rollback; then the
// transaction committed. The tickets were held for an order that no message ever announced. The fence lets only one of
// the two happen.
func TestLateLocalTransactionFailsOnTheFence(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 0)
	l := handMade(screening, 1, "alice")
	for range 2 {
		if got := s.Check(t.Context(), mq.Half{TxID: l.txID}); got != mq.Rollback {
			t.Fatalf("check before execute: %v, want Rollback", got)
		}
	}
	outcome, err := s.execute(t.Context(), l)
	wantErr(t, err, errConflict)
	if outcome != mq.Rollback {
		t.Errorf("late execute: %v, want Rollback", outcome)
	}
	wantStock(t, s, screening.ID, 5, 0, 0)
}

func TestCheckAndExecuteAtOnceAgree(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1000, 0)
	committed := int64(0)
	for range 50 {
		l := handMade(screening, 1, "alice")
		l.orders[0].ID = l.txID[:26]
		checked := make(chan mq.Outcome)
		go func() { checked <- s.Check(t.Context(), mq.Half{TxID: l.txID}) }()
		executed, _ := s.execute(t.Context(), l)
		if got := <-checked; got != executed {
			t.Fatalf("execute says %v, check says %v", executed, got)
		}
		if executed == mq.Commit {
			committed++
		}
	}
	wantStock(t, s, screening.ID, 1000-committed, committed, 0)
}

// A database that cannot be asked is not a database that says no.
func TestCheckWithoutDatabaseIsUnknown(t *testing.T) {
	s, _ := newStock(t)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.Check(t.Context(), mq.Half{TxID: "t"}); got != mq.Unknown {
		t.Errorf("check: %v, want Unknown", got)
	}
	_, err := s.Screening(t.Context(), "s")
	wantErr(t, err, ErrUnavailable)
	_, _, err = s.Reservations(t.Context(), "alice", "", 0)
	wantErr(t, err, ErrUnavailable)
}
