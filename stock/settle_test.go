package stock

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

func TestSettleMovesTicketsOnce(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 4)
	kept := buy(t, s, screening.ID, "alice", "k1", 1)
	dropped := buy(t, s, screening.ID, "alice", "k2", 3)
	for range 2 {
		settle(t, s, event.Paid, kept.ID, "an order that stock has never seen")
		settle(t, s, event.Cancelled, dropped.ID, dropped.ID)
		wantStock(t, s, screening.ID, 9, 0, 1)
	}
	settle(t, s, event.Cancelled, kept.ID)
	wantStock(t, s, screening.ID, 9, 0, 1)
	buy(t, s, screening.ID, "alice", "k3", 3)
	if got := buy(t, s, screening.ID, "alice", "k2", 3); got.State != Released {
		t.Errorf("a retry of a released order answers %+v", got)
	}
	wantStock(t, s, screening.ID, 6, 3, 1)
}

// The same settlement was delivered to two processes at once, both found the reservation held, and the tickets came
// back twice.
func TestConcurrentSettlesCountOnce(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 40, 0)
	var ids []string
	for i := range 40 {
		ids = append(ids, buy(t, s, screening.ID, fmt.Sprintf("buyer-%d", i), "k", 1).ID)
	}
	slices.Sort(ids)
	stale, err := s.planSettlement(t.Context(), map[event.Outcome][]string{event.Cancelled: ids})
	if err != nil {
		t.Fatal(err)
	}
	var settlers sync.WaitGroup
	for i := range 8 {
		settlers.Go(func() { settle(t, s, event.Cancelled, ids[i*5:]...) })
	}
	settlers.Wait()
	wantStock(t, s, screening.ID, 40, 0, 0)
	wantErr(t, inTx(t, s, stale.apply), db.ErrConflict)
	wantStock(t, s, screening.ID, 40, 0, 0)
}

func TestSettleOfAnUnknownOutcomeKeepsTheOthers(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	bought := buy(t, s, screening.ID, "alice", "k1", 1)
	_, err := s.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{
		{OrderID: "x", Outcome: "lost"}, {OrderID: bought.ID, Outcome: event.Paid},
	}})
	if err == nil {
		t.Error("an unknown outcome went through")
	}
	wantStock(t, s, screening.ID, 9, 0, 1)
}

// A limit was switched on while tickets were reserved without one. Their buyers had no holding to give back, so settling
// them conflicted at every try and their tickets never came back.
func TestReleaseWithoutAHoldingGivesTheTicketsBack(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	bought := buy(t, s, screening.ID, "alice", "k", 2)
	exec(t, s, `UPDATE screenings SET per_user_limit = 4 WHERE id = ?`, screening.ID)
	s.changed(screening.ID)
	later := buy(t, s, screening.ID, "alice", "k2", 1) // her holding counts 1, and she holds 3
	settle(t, s, event.Cancelled, bought.ID)
	settle(t, s, event.Cancelled, later.ID)
	wantStock(t, s, screening.ID, 10, 0, 0)
}
