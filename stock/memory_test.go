package stock

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/event"
)

// newRemembering is the planner of a process of its own, whose memory ages by a clock of its own.
func newRemembering(s *Stock) (*Seller, *clock) {
	c := newClock()
	process := New(s.db, s.opts)
	process.memory = newMemory(c.Now)
	return newPlanner(process), c
}

func buyOne(p *Seller, screening, buyer string) (Reservation, error) {
	got := decide(p, PurchaseRequest{BuyerID: buyer, Key: "k", ScreeningID: screening, Quantity: 1})[0]
	return got.Reservation, got.err
}

func mustBuyOne(t *testing.T, p *Seller, screening, buyer string) Reservation {
	t.Helper()
	reservation, err := buyOne(p, screening, buyer)
	if err != nil {
		t.Fatal(err)
	}
	return reservation
}

func TestPurchaseFromMemoryReadsNothing(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("only SQLite reads by connections of their own, which this test can close")
	}
	screening := addScreening(t, s, 5, 0)
	planner, age := newRemembering(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	if err := s.db.Reader().Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := buyOne(planner, screening.ID, "bob"); err != nil {
		t.Errorf("a purchase that memory lets in has read: %v", err)
	}
	age.Advance(memoryFresh)
	if _, err := buyOne(planner, screening.ID, "carol"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("memory that is too old was used: %v", err)
	}
}

func TestRetryIsTheSameOrderWhenMemoryLetsItIn(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 0)
	planner, age := newRemembering(s)
	first := mustBuyOne(t, planner, screening.ID, "alice")
	for range 3 { // in doubt after the first retry, and trusting again
		again, err := buyOne(planner, screening.ID, "alice")
		if err != nil || again.ID != first.ID {
			t.Fatalf("the retry is %+v, %v, want %s", again, err, first.ID)
		}
		mustBuyOne(t, planner, screening.ID, "other")
		age.Advance(memoryDoubt)
	}
	wantStock(t, s, screening.ID, 3, 2, 0)
}

func TestMemoryTurnsNobodyAway(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	planner, _ := newRemembering(s)
	first := mustBuyOne(t, planner, screening.ID, "alice")
	if _, err := buyOne(planner, screening.ID, "bob"); !errors.Is(err, ErrSoldOut) {
		t.Fatalf("the last ticket is gone: %v", err)
	}
	if _, err := s.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: first.ID, Outcome: event.Cancelled}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := buyOne(planner, screening.ID, "bob"); err != nil {
		t.Errorf("the ticket has come back: %v", err)
	}
}

func TestMemorySellsNothingTwice(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 3, 2)
	here, _ := newRemembering(s)
	elsewhere, _ := newRemembering(s)
	mustBuyOne(t, here, screening.ID, "alice")
	if got := decide(elsewhere, PurchaseRequest{BuyerID: "bob", Key: "k", ScreeningID: screening.ID, Quantity: 2})[0]; got.err != nil {
		t.Fatal(got.err)
	}
	if _, err := buyOne(here, screening.ID, "carol"); !errors.Is(err, ErrSoldOut) {
		t.Errorf("another process has sold what is left: %v", err)
	}
	wantStock(t, s, screening.ID, 0, 3, 0)
}

func TestMemoryKeepsTheLimit(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 9, 1)
	planner, _ := newRemembering(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	second := decide(planner, PurchaseRequest{BuyerID: "alice", Key: "another", ScreeningID: screening.ID, Quantity: 1})[0]
	if !errors.Is(second.err, ErrLimitExceeded) {
		t.Errorf("a second ticket under a limit of one: %v", second.err)
	}
}

func TestChangedSaleIsNoticedInTime(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 9, 0)
	planner, age := newRemembering(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	now.Advance(time.Minute)
	closed := now.Now()
	if _, err := s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{SaleClosesAt: &closed}); err != nil {
		t.Fatal(err)
	}
	age.Advance(memoryFresh)
	if _, err := buyOne(planner, screening.ID, "bob"); !errors.Is(err, ErrSaleClosed) {
		t.Errorf("another process closed the sale a moment ago: %v", err)
	}
}

func TestOwnChangeOfASaleIsNoticedAtOnce(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 9, 0)
	planner, _ := newRemembering(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	now.Advance(time.Minute)
	closed := now.Now()
	if _, err := planner.stock.ChangeScreening(t.Context(), screening.ID, ScreeningChange{SaleClosesAt: &closed}); err != nil {
		t.Fatal(err)
	}
	if _, err := buyOne(planner, screening.ID, "bob"); !errors.Is(err, ErrSaleClosed) {
		t.Errorf("the sale is closed: %v", err)
	}
}

// A plan read a screening, the sale was closed, and then the plan's reading was kept as news.
func TestReadingFromBeforeAChangeIsNotKept(t *testing.T) {
	m := newMemory(newClock().Now)
	list := []*purchase{{request: PurchaseRequest{ScreeningID: "s"}}}
	_, asked := m.recall(list)
	m.forget("s")
	m.keep(map[string]Screening{"s": {ID: "s"}}, asked)
	if known, _ := m.recall(list); len(known) != 0 {
		t.Error("what was read before the change is remembered")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(newClock().Now)
	for i := range 3 * memoryEntries {
		id := NewID(time.UnixMilli(int64(i)))
		m.keep(map[string]Screening{id: {ID: id}}, 0)
	}
	if n := len(m.screenings); n > memoryEntries {
		t.Errorf("%d screenings are remembered", n)
	}
}

// Memory let alice's repeat in without a look. In the same list carol asked for more than memory knew of, so the
// screening was read again, and that reading, in which another process had taken the rest, turned alice away from the
// order that she had. Whoever a reading may turn away is looked up with it.
func TestRepeatIsTheSameOrderBesideARefusedNeighbour(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 3, 0)
	here, _ := newRemembering(s)
	elsewhere, _ := newRemembering(s)
	first := mustBuyOne(t, here, screening.ID, "alice") // here remembers two that are left
	if got := decide(elsewhere, PurchaseRequest{"bob", "k", screening.ID, 2})[0]; got.err != nil {
		t.Fatal(got.err)
	}
	got := decide(here, PurchaseRequest{"alice", "k", screening.ID, 1}, PurchaseRequest{"carol", "k", screening.ID, 3})
	if got[0].err != nil || got[0].ID != first.ID {
		t.Errorf("alice's repeat: %v, %v, want her order %s", got[0].ID, got[0].err, first.ID)
	}
	wantErr(t, got[1].err, ErrSoldOut)
}
