package sale

import (
	"testing"

	"boxoffice/stock/stocktest"
)

// Two screenings were sold out, each of them fitted into memory, and both did not. They pushed each other out for ever: thousands
// of pages were read where a few are, and hardly anybody was refused from memory. The one that came first stays while it is
// asked for; the other is left to plans.
func TestTwoScreeningsThatDoNotFitDoNotPushEachOtherOut(t *testing.T) {
	s, _ := newStock(t)
	const orders = 40
	v := newUnstarted(s)
	clock := stocktest.NewClock()
	v.cache.clock, v.cache.began, v.cache.ordersMax = clock.Now, clock.Now(), 2*orders-1
	var ids []string
	for i := range 2 {
		screening := addScreening(t, s, orders, 0)
		fillFrom(t, s, screening.ID, i*orders, orders)
		v.cache.know(screening.ID)
		v.cache.entries[screening.ID].wanted.Store(orders)
		ids = append(ids, screening.ID)
	}
	load := func(asked ...string) (loaded []string) {
		t.Helper()
		for _, id := range asked {
			if v.cache.over(id) == nil {
				v.cache.know(id)
			}
			v.cache.entries[id].wanted.Store(orders)
		}
		for range 10 {
			v.loader.loadPages(t.Context())
		}
		for id, e := range v.cache.entries {
			if e.requests.size() == orders {
				loaded = append(loaded, id)
			}
		}
		if len(loaded) != 1 {
			t.Fatalf("loaded are %q, want one", loaded)
		}
		return loaded
	}
	first := load(ids...)[0]
	other := ids[0]
	if other == first {
		other = ids[1]
	}
	for range 10 {
		clock.Advance(busyFor / 4)
		if again := load(ids...)[0]; again != first {
			t.Fatalf("%s pushed %s out, which is asked for", again, first)
		}
	}
	if pages := v.CacheStats().Pages; pages != 1 {
		t.Errorf("%d pages were read, want 1", pages)
	}
	for range 2 {
		clock.Advance(busyFor)
		v.cache.over(other)
	}
	if last := load(other)[0]; last != other || v.cache.entries[first] != nil {
		t.Errorf("%s is loaded, want %s in place of what nobody asks for", last, other)
	}
}

// Of two that are read at the same time each had room by itself: half of each was read when there was none for the rest.
func TestRoomIsKeptForWhatIsBeingRead(t *testing.T) {
	c := newCache(stocktest.NewClock().Now)
	c.know("a", "b")
	if !c.makeRoom("a", cacheRequests/2+1) || c.makeRoom("b", cacheRequests/2) {
		t.Error("the second has room, too")
	}
	c.entries["a"].granted.Store(0) // its pass is over, and found nothing
	if !c.makeRoom("b", cacheRequests/2) {
		t.Error("there is no room in an empty cache")
	}
}

// Where there was no room after all, those that nobody had asked for were pushed out in vain, once a minute.
func TestNobodyIsPushedOutInVain(t *testing.T) {
	clock := stocktest.NewClock()
	c := newCache(clock.Now)
	c.know("idle")
	c.entries["idle"].granted.Store(10)
	clock.Advance(2 * busyFor)
	c.know("busy", "new")
	c.over("busy")
	c.entries["busy"].granted.Store(cacheRequests)
	if c.makeRoom("new", 20) {
		t.Error("there is room beside a busy screening that has it all")
	}
	if c.entries["idle"] == nil {
		t.Error("the idle screening was pushed out in vain")
	}
}
