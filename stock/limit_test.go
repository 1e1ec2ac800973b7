package stock

import (
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

func setLimit(t *testing.T, s *Stock, screeningID string, limit int64) {
	t.Helper()
	if _, err := s.ChangeScreening(t.Context(), screeningID, ScreeningChange{PerUserLimit: &limit}); err != nil {
		t.Fatalf("set the limit to %d: %v", limit, err)
	}
}

// Two transactions were planned under no limit, and the limit was set before they were written: what they took or gave
// back would not be in the holdings.
func TestWhatWasPlannedUnderAnotherLimitFails(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	bought := buy(t, s, screening.ID, "alice", "k", 2)
	release, err := s.planSettlement(t.Context(), map[event.Outcome][]string{event.Cancelled: {bought.ID}})
	if err != nil {
		t.Fatal(err)
	}
	setLimit(t, s, screening.ID, 4)
	_, err = s.execute(t.Context(), handMade(screening, 5, "bob"))
	wantErr(t, err, db.ErrConflict)
	wantErr(t, inTx(t, s, release.apply), db.ErrConflict)
	wantStock(t, s, screening.ID, 8, 2, 0)
	settle(t, s, event.Cancelled, bought.ID)
	wantStock(t, s, screening.ID, 10, 0, 0)
}
