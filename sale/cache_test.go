package sale

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

// newCaching is the planner of a process of its own, whose cache ages by a clock of its own.
func newCaching(s *shop) (*Seller, *stocktest.Clock) {
	c := stocktest.NewClock()
	seller := newUnstarted(s.process())
	seller.cache.clock = c.Now
	return seller, c
}

func buyOne(p *Seller, screening, buyer string) (stock.Reservation, error) {
	got := decide(p, Request{BuyerID: buyer, Key: "k", ScreeningID: screening, Quantity: 1})[0]
	return got.Reservation, got.err
}

func mustBuyOne(t *testing.T, p *Seller, screening, buyer string) stock.Reservation {
	t.Helper()
	reservation, err := buyOne(p, screening, buyer)
	if err != nil {
		t.Fatal(err)
	}
	return reservation
}

func TestPurchaseFromCacheReadsNothing(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("only SQLite reads by connections of their own, which this test can close")
	}
	screening := addScreening(t, s, 5, 0)
	planner, age := newCaching(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	if err := s.db.Reader().Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := buyOne(planner, screening.ID, "bob"); err != nil {
		t.Errorf("a purchase that the cache lets in has read: %v", err)
	}
	age.Advance(freshFor)
	if _, err := buyOne(planner, screening.ID, "carol"); !errors.Is(err, stock.ErrUnavailable) {
		t.Errorf("a cache entry that is too old was used: %v", err)
	}
}

func TestRetryIsTheSameOrderWhenCacheLetsItIn(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 5, 0)
	planner, age := newCaching(s)
	request := Request{BuyerID: "alice", Key: "k", ScreeningID: screening.ID, Quantity: 1}
	first := decide(planner, request)[0]
	if first.err != nil || first.Before {
		t.Fatalf("the first is %+v", first)
	}
	for range 3 { // in doubt after the first retry, and trusting again
		again := decide(planner, request)[0]
		if again.err != nil || again.ID != first.ID || !again.Before {
			t.Fatalf("the retry is %+v, want %s of before", again, first.ID)
		}
		mustBuyOne(t, planner, screening.ID, "other")
		age.Advance(doubtFor)
	}
	wantStock(t, s, screening.ID, 3, 2, 0)
}

func TestCacheTurnsNobodyAway(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	planner, _ := newCaching(s)
	first := mustBuyOne(t, planner, screening.ID, "alice")
	if _, err := buyOne(planner, screening.ID, "bob"); !errors.Is(err, stock.ErrSoldOut) {
		t.Fatalf("the last ticket is gone: %v", err)
	}
	if _, err := s.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: first.ID, Outcome: event.Cancelled}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := buyOne(planner, screening.ID, "bob"); err != nil {
		t.Errorf("the ticket has come back: %v", err)
	}
}

func TestCacheSellsNothingTwice(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 3, 2)
	here, _ := newCaching(s)
	elsewhere, _ := newCaching(s)
	mustBuyOne(t, here, screening.ID, "alice")
	if got := decide(elsewhere, Request{BuyerID: "bob", Key: "k", ScreeningID: screening.ID, Quantity: 2})[0]; got.err != nil {
		t.Fatal(got.err)
	}
	if _, err := buyOne(here, screening.ID, "carol"); !errors.Is(err, stock.ErrSoldOut) {
		t.Errorf("another process has sold what is left: %v", err)
	}
	wantStock(t, s, screening.ID, 0, 3, 0)
}

func TestCacheKeepsTheLimit(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 9, 1)
	planner, _ := newCaching(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	second := decide(planner, Request{BuyerID: "alice", Key: "another", ScreeningID: screening.ID, Quantity: 1})[0]
	if !errors.Is(second.err, stock.ErrLimitExceeded) {
		t.Errorf("a second ticket under a limit of one: %v", second.err)
	}
}

func TestChangedSaleIsNoticedInTime(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 9, 0)
	planner, age := newCaching(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	now.Advance(time.Minute)
	closed := now.Now()
	if _, err := s.ChangeScreening(t.Context(), screening.ID, stock.ScreeningChange{SaleClosesAt: &closed}); err != nil {
		t.Fatal(err)
	}
	age.Advance(freshFor)
	if _, err := buyOne(planner, screening.ID, "bob"); !errors.Is(err, stock.ErrSaleClosed) {
		t.Errorf("another process closed the sale a moment ago: %v", err)
	}
}

func TestOwnChangeOfASaleIsNoticedAtOnce(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 9, 0)
	planner, _ := newCaching(s)
	mustBuyOne(t, planner, screening.ID, "alice")
	now.Advance(time.Minute)
	closed := now.Now()
	if _, err := planner.stock.ChangeScreening(t.Context(), screening.ID, stock.ScreeningChange{SaleClosesAt: &closed}); err != nil {
		t.Fatal(err)
	}
	if _, err := buyOne(planner, screening.ID, "bob"); !errors.Is(err, stock.ErrSaleClosed) {
		t.Errorf("the sale is closed: %v", err)
	}
}

// A plan read a screening, the sale was closed, and then the plan's reading was kept as news.
func TestReadingFromBeforeAChangeIsNotKept(t *testing.T) {
	c := newCache(stocktest.NewClock().Now)
	list := []*purchase{{request: Request{ScreeningID: "s"}}}
	_, asOf := c.recall(list)
	c.forget("s")
	c.keep(map[string]stock.Screening{"s": {ID: "s"}}, asOf)
	if known, _ := c.recall(list); len(known) != 0 {
		t.Error("what was read before the change is remembered")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(stocktest.NewClock().Now)
	for i := range 3 * cacheScreenings {
		id := stock.NewID(time.UnixMilli(int64(i)))
		c.keep(map[string]stock.Screening{id: {ID: id}}, moment{})
	}
	if n := len(c.entries); n > cacheScreenings {
		t.Errorf("%d screenings are remembered", n)
	}
}

// Cache let alice's repeat in without a look. In the same list carol asked for more than memory knew of, so the
// screening was read again, and that reading, in which another process had taken the rest, turned alice away from the
// order that she had. Whoever a reading may turn away is looked up with it.
func TestRepeatIsTheSameOrderBesideARefusedNeighbour(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 3, 0)
	here, _ := newCaching(s)
	elsewhere, _ := newCaching(s)
	first := mustBuyOne(t, here, screening.ID, "alice") // here remembers two that are left
	if got := decide(elsewhere, Request{"bob", "k", screening.ID, 2})[0]; got.err != nil {
		t.Fatal(got.err)
	}
	got := decide(here, Request{"alice", "k", screening.ID, 1}, Request{"carol", "k", screening.ID, 3})
	if got[0].err != nil || got[0].ID != first.ID {
		t.Errorf("alice's repeat: %v, %v, want her order %s", got[0].ID, got[0].err, first.ID)
	}
	wantErr(t, got[1].err, stock.ErrSoldOut)
}

// A reading that took a second was as good as new for another tenth: its age was counted from its end.
func TestReadingIsAsOldAsItsBeginning(t *testing.T) {
	clock := stocktest.NewClock()
	c := newCache(clock.Now)
	list := []*purchase{{request: Request{ScreeningID: "s"}}}
	_, asOf := c.recall(list)
	clock.Advance(freshFor)
	c.keep(map[string]stock.Screening{"s": {ID: "s"}}, asOf)
	if known, _ := c.recall(list); len(known) != 0 {
		t.Errorf("known: %+v, want nothing", known)
	}
}
