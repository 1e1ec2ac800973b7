package stock

import (
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/mq"
)

func TestCheckAnswersForWhatIsCommitted(t *testing.T) {
	s, _ := newStock(t)
	l := handMade(addScreening(t, s, 5, 0), 1, "alice")
	if outcome, err := s.execute(t.Context(), l); err != nil || outcome != mq.Commit {
		t.Fatalf("execute: %v, %v", outcome, err)
	}
	for range 2 {
		if got := s.Check(t.Context(), mq.Half{TxID: l.TxID}); got != mq.Commit {
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
		if got := s.Check(t.Context(), mq.Half{TxID: l.TxID}); got != mq.Rollback {
			t.Fatalf("check before execute: %v, want Rollback", got)
		}
	}
	outcome, err := s.execute(t.Context(), l)
	wantErr(t, err, db.ErrConflict)
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
		l.Orders[0].ID = l.TxID
		checked := make(chan mq.Outcome)
		go func() { checked <- s.Check(t.Context(), mq.Half{TxID: l.TxID}) }()
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

// A COMMIT that answers with an error says nothing about what happened. The fence does, and where it says no, it also
// makes sure of it.
func TestCommitInDoubtIsAskedOfTheFence(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("needs a constraint that is checked at COMMIT")
	}
	screening := addScreening(t, s, 5, 0)
	for _, statement := range []string{
		`CREATE TABLE parents (id INTEGER PRIMARY KEY)`,
		`CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)`,
		`CREATE TRIGGER orphan AFTER INSERT ON reservations WHEN NEW.buyer_id = 'mallory'
			BEGIN INSERT INTO children VALUES (1); END`,
	} {
		exec(t, s, statement)
	}
	l := handMade(screening, 1, "mallory")
	outcome, err := s.execute(t.Context(), l)
	wantErr(t, err, db.ErrCommitInDoubt)
	if fence, err := s.fence(t.Context(), l.TxID); outcome != mq.Rollback || err != nil || fence != mq.Rollback {
		t.Errorf("outcome %v, fence %v, %v, want Rollback", outcome, fence, err)
	}
	wantStock(t, s, screening.ID, 5, 0, 0)
	buy(t, s, screening.ID, "alice", "k", 1)
}

func TestLocalTransactionWaitsForItsHalfMessage(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 0)
	l := handMade(screening, 1, "alice")
	local := s.Begin(t.Context(), l)
	select {
	case <-local.ended:
		t.Fatalf("it ended before the half message was stored: %v", local.err)
	case <-time.After(200 * time.Millisecond): // longer than any commit takes, so one that does not wait is seen
	}
	local.Abandon()
	wantStock(t, s, screening.ID, 5, 0, 0)
	if fence, err := s.fence(t.Context(), l.TxID); err != nil || fence != mq.Unknown {
		t.Errorf("an abandoned transaction left the fence %v, %v", fence, err)
	}
	if outcome, err := s.execute(t.Context(), l); err != nil || outcome != mq.Commit {
		t.Errorf("the same list again: %v, %v", outcome, err)
	}
	local.Abandon() // once more changes nothing
	wantStock(t, s, screening.ID, 4, 1, 0)
}

func TestLocalTransactionThatWasAbandonedRollsBack(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 0)
	local := s.Begin(t.Context(), handMade(screening, 1, "alice"))
	local.Abandon()
	if outcome := local.Commit(t.Context()); outcome != mq.Rollback || local.err == nil {
		t.Errorf("commit after the end: %v, %v, want a rollback", outcome, local.err)
	}
	wantStock(t, s, screening.ID, 5, 0, 0)
}

// A panic in a local transaction ended the process. It is the error of its list: nothing of that is reserved, and the next
// list does not wait for its locks.
func TestPanicInALocalTransaction(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 0)
	bad := handMade(screening, 1, "alice")
	bad.Requests = nil // is read out of range
	outcome, err := s.execute(t.Context(), bad)
	wantErr(t, err, db.ErrCommitInDoubt)
	if outcome != mq.Rollback {
		t.Errorf("outcome: %v, want Rollback", outcome)
	}
	if outcome, err := s.execute(t.Context(), handMade(screening, 1, "bob")); err != nil || outcome != mq.Commit {
		t.Errorf("the next list: %v, %v", outcome, err)
	}
	wantStock(t, s, screening.ID, 4, 1, 0)
}
