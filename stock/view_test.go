package stock

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"boxoffice/common/event"
)

// newViewer is a seller that sells nothing: the view needs only the rows, and the tests run its passes by hand.
func newViewer(s *Stock) (*Seller, *clock) {
	c := newClock()
	return &Seller{stock: s, view: newView(s, c.Now)}, c
}

// refusal asks once, so that the view knows what is wanted, lets it read as often as it may need, and asks again.
func refusal(t *testing.T, s *Seller, screening, buyer string) error {
	t.Helper()
	_ = s.Refuse(screening, buyer, "k")
	for range 4 {
		s.view.refresh(t.Context())
	}
	return s.Refuse(screening, buyer, "k")
}

func mustSell(t *testing.T, s *Stock, screening string, buyers ...string) {
	t.Helper()
	var requests []PurchaseRequest
	for _, buyer := range buyers {
		requests = append(requests, PurchaseRequest{BuyerID: buyer, Key: "k", ScreeningID: screening, Quantity: 1})
	}
	for _, a := range decide(newPlanner(s), requests...) {
		if a.err != nil {
			t.Fatal(a.err)
		}
	}
}

func TestViewRefusesWhatIsOver(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 2, 0)
	v, _ := newViewer(s)
	if err := refusal(t, v, screening.ID, "alice"); err != nil {
		t.Errorf("tickets are there: %v", err)
	}
	mustSell(t, s, screening.ID, "alice", "bob")
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, ErrSoldOut) {
		t.Errorf("sold out: %v, want ErrSoldOut", err)
	}
	now.Advance(25 * time.Hour)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, ErrSaleClosed) {
		t.Errorf("sale closed: %v, want ErrSaleClosed", err)
	}
	now.Advance(-26 * time.Hour)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, ErrSaleNotOpen) {
		t.Errorf("sale not open: %v, want ErrSaleNotOpen", err)
	}
	if err := refusal(t, v, "unknown", "carol"); err != nil {
		t.Errorf("unknown screening: %v, want nothing", err)
	}
}

// A buyer whose answer was lost sends the purchase again. The sale may be over by then, and the view, in whichever
// process, must not say "sold out" to somebody who holds a ticket.
func TestViewNeverRefusesARepeatedKey(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 3, 0)
	v, _ := newViewer(s)
	mustSell(t, s, screening.ID, "alice", "bob", "carol")
	for _, buyer := range []string{"alice", "bob", "carol"} {
		if err := refusal(t, v, screening.ID, buyer); err != nil {
			t.Errorf("%s sends the purchase again: %v", buyer, err)
		}
	}
	if err := refusal(t, v, screening.ID, "dave"); !errors.Is(err, ErrSoldOut) {
		t.Errorf("somebody else: %v, want ErrSoldOut", err)
	}
}

// Another process sells a returned ticket, and its clock is an hour behind: its order is older than anything this
// process has read, and is found all the same before anybody is refused.
func TestViewFindsOrdersOfAClockThatIsBehind(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 2, 0)
	now.Advance(2 * time.Hour)
	mustSell(t, s, screening.ID, "alice", "bob")
	v, _ := newViewer(s)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, ErrSoldOut) {
		t.Fatalf("sold out: %v", err)
	}
	bobs, _, err := s.Reservations(t.Context(), "bob", "", 1)
	if err != nil || len(bobs) != 1 {
		t.Fatalf("%d reservations of bob, %v", len(bobs), err)
	}
	if _, err := s.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: bobs[0].ID, Outcome: event.Cancelled}}}); err != nil {
		t.Fatal(err)
	}
	now.Advance(-time.Hour)
	mustSell(t, s, screening.ID, "erin")
	now.Advance(time.Hour)
	for pass := range 4 {
		v.view.refresh(t.Context())
		if err := v.Refuse(screening.ID, "erin", "k"); err != nil {
			t.Errorf("erin after %d passes: %v", pass+1, err)
		}
	}
	if err := v.Refuse(screening.ID, "carol", "k"); !errors.Is(err, ErrSoldOut) {
		t.Errorf("sold out again: %v, want ErrSoldOut", err)
	}
}

func TestViewSellsAgainWhatComesBack(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	v, age := newViewer(s)
	mustSell(t, s, screening.ID, "alice")
	if err := refusal(t, v, screening.ID, "bob"); !errors.Is(err, ErrSoldOut) {
		t.Fatalf("sold out: %v", err)
	}
	capacity := int64(2)
	if _, err := s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{Capacity: &capacity}); err != nil {
		t.Fatal(err)
	}
	v.view.refresh(t.Context())
	if err := v.Refuse(screening.ID, "bob", "k"); err != nil {
		t.Errorf("one pass after a restock: %v, want nothing", err)
	}
	mustSell(t, s, screening.ID, "carol")
	if err := refusal(t, v, screening.ID, "bob"); !errors.Is(err, ErrSoldOut) {
		t.Fatalf("sold out again: %v", err)
	}
	age.Advance(viewFresh + time.Millisecond)
	if err := v.Refuse(screening.ID, "bob", "k"); err != nil {
		t.Errorf("on a glance that is too old: %v, want nothing", err)
	}
}

func TestViewIsBoundedAndForgets(t *testing.T) {
	s, _ := newStock(t)
	v, age := newViewer(s)
	for n := range viewEntries + 10 {
		_ = v.Refuse(fmt.Sprint("screening-", n), "alice", "k")
	}
	if n := len(v.view.entries); n != viewEntries {
		t.Errorf("%d entries, want the bound of %d", n, viewEntries)
	}
	age.Advance(viewIdle + time.Second)
	v.view.refresh(t.Context())
	if n := len(v.view.entries); n != 0 {
		t.Errorf("%d entries that nobody asks for", n)
	}
}

// The last ticket comes back and this process sells it within the life of a glance that says "sold out": the buyer's
// retry must not meet that glance.
func TestViewLooksAgainAfterAListOfItsOwn(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 1, 0)
	v, _ := newViewer(s)
	mustSell(t, s, screening.ID, "alice")
	if err := refusal(t, v, screening.ID, "bob"); !errors.Is(err, ErrSoldOut) {
		t.Fatalf("sold out: %v", err)
	}
	overtaken := v.view.entries[screening.ID].current.Load()
	v.view.reserved(map[string]int64{screening.ID: 1})
	if err := v.Refuse(screening.ID, "bob", "k"); err != nil {
		t.Errorf("after a list of its own: %v, want nothing", err)
	}
	v.view.entries[screening.ID].replace(overtaken, 0)
	if err := v.Refuse(screening.ID, "bob", "k"); err != nil {
		t.Errorf("on a glance that was overtaken: %v, want nothing", err)
	}
}
