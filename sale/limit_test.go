package sale

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"boxoffice/common/event"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

func setLimit(t *testing.T, s *shop, screeningID string, limit int64) {
	t.Helper()
	if _, err := s.ChangeScreening(t.Context(), screeningID, stock.ScreeningChange{PerUserLimit: &limit}); err != nil {
		t.Fatalf("set the limit to %d: %v", limit, err)
	}
}

// A limit could not be changed in a sale but by SQL. Then it did not count what buyers had already, and reservations
// without a holding could not be settled: their tickets were lost. Every change here is made in another process than the
// one that sells, which knows the old limit for a moment longer.
func TestLimitMayChangeInARunningSale(t *testing.T) {
	other, _ := newStock(t)
	s := other.process()
	screening := addScreening(t, other, 100, 0)
	seller := newUnstarted(s)
	want := func(buyer, key string, quantity int64, want error) stock.Reservation {
		t.Helper()
		got := decide(seller, Request{buyer, key, screening.ID, quantity})[0]
		wantErr(t, got.err, want)
		return got.Reservation
	}
	before := want("alice", "1", 3, nil)
	setLimit(t, other, screening.ID, 2)
	want("alice", "2", 1, stock.ErrLimitExceeded)
	want("bob", "1", 2, nil)
	want("bob", "2", 1, stock.ErrLimitExceeded)
	settle(t, s, event.Cancelled, before.ID)
	want("alice", "3", 2, nil)

	setLimit(t, other, screening.ID, 0)
	late := want("bob", "3", 5, nil)
	setLimit(t, other, screening.ID, 8)
	want("bob", "4", 2, stock.ErrLimitExceeded)
	settle(t, s, event.Cancelled, late.ID)
	want("bob", "5", 6, nil)
	wantStock(t, s, screening.ID, 90, 10, 0)

	setLimit(t, other, screening.ID, 1) // who has more keeps it
	want("alice", "4", 1, stock.ErrLimitExceeded)
	want("carol", "1", 1, nil)
}

// Whatever comes together, the holdings are what the buyers hold, nothing stays unsettled, and no ticket is lost.
func TestLimitChangesBesidePurchasesAndSettlements(t *testing.T) {
	other, _ := newStock(t)
	processes := []*shop{other, other.process()}
	screening := addScreening(t, other, 10_000, 0)
	var mu sync.Mutex
	var ids []string
	var work sync.WaitGroup
	for i, s := range slices.Concat(processes, processes) {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		seller := newUnstarted(s)
		work.Go(func() {
			for n := range 60 {
				buyer := fmt.Sprint("buyer-", random.IntN(4))
				got := decide(seller, Request{buyer, fmt.Sprint(i, "-", n), screening.ID, 1 + random.Int64N(2)})[0]
				if got.err != nil && !errors.Is(got.err, stock.ErrLimitExceeded) && !errors.Is(got.err, ErrBusy) {
					t.Errorf("buy: %v", got.err)
				}
				if got.err == nil && random.IntN(2) == 0 {
					redeliver(t, s, event.SettledOrder{OrderID: got.ID, Outcome: event.Cancelled})
				} else if got.err == nil {
					mu.Lock()
					ids = append(ids, got.ID)
					mu.Unlock()
				}
			}
		})
	}
	work.Go(func() {
		random := rand.New(rand.NewPCG(2, 0))
		for range 40 {
			setLimit(t, processes[random.IntN(2)], screening.ID, []int64{0, 0, 20, 60}[random.IntN(4)])
		}
		setLimit(t, other, screening.ID, 10_000)
	})
	work.Wait()
	for _, violation := range stocktest.Violations(t, other.db) {
		t.Error(violation)
	}
	settle(t, other, event.Cancelled, ids...)
	wantStock(t, other, screening.ID, 10_000, 0, 0)
}

// redeliver settles an order as a message does that comes again while settling loses to others.
func redeliver(t *testing.T, s *shop, o event.SettledOrder) {
	for range 100 {
		_, err := s.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{o}})
		if err == nil {
			return
		}
		if !errors.Is(err, stock.ErrBusy) {
			t.Errorf("settle: %v", err)
			return
		}
	}
	t.Error("settling lost a hundred times")
}
