package stock

import (
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/stock/stocktest"
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

// A purchase, its plan beside other lists, and late money each had the rule of what a buyer can have; a refusal agrees with it.
func TestRoomOfABuyer(t *testing.T) {
	now := time.UnixMilli(stocktest.Opening)
	for _, c := range []struct{ available, limit, held, promised, want int64 }{
		{10, 0, 0, 0, 10},
		{10, 0, 7, 0, 10},
		{10, 0, 7, 4, 6},
		{10, 4, 0, 0, 4},
		{10, 4, 3, 0, 1},
		{10, 4, 3, 9, 1},
		{10, 4, 3, 10, 0},
		{2, 4, 0, 0, 2},
		{2, 4, 5, 0, -1}, // who holds more than a new limit
		{0, 0, 0, 0, 0},
	} {
		s := Screening{Available: c.available, PerUserLimit: c.limit, SaleOpensAt: now, SaleClosesAt: now.Add(time.Hour)}
		if got := s.Room(c.held, c.promised); got != c.want {
			t.Errorf("%+v: room for %d", c, got)
		}
		for quantity := int64(1); c.promised == 0 && quantity <= 11; quantity++ {
			if err := s.Refusal(quantity, c.held, now); (err == nil) != (quantity <= c.want) {
				t.Errorf("%+v: %d tickets are answered %v", c, quantity, err)
			}
		}
	}
}
