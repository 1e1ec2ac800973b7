package stock

import (
	"errors"
	"slices"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock/stocktest"
)

// The office cancels a paid order: its tickets were sold for ever. They come back once, with what the buyer's limit
// counts, in any order of the messages; an order that is only cancelled never takes back what is sold.
func TestSoldTicketsReturnWhenTheOfficeCancels(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 4)
	sold, fresh, other := buy(t, s, screening.ID, "alice", "k1", 3), buy(t, s, screening.ID, "bob", "k1", 2), buy(t, s, screening.ID,
		"carol", "k1", 1)
	settle(t, s, event.Paid, sold.ID, other.ID)
	settle(t, s, event.Cancelled, sold.ID)
	wantStock(t, s, screening.ID, 4, 2, 4)
	for range 2 {
		settle(t, s, event.Returned, sold.ID, fresh.ID) // fresh: paid and cancelled before stock heard of the first
		wantStock(t, s, screening.ID, 9, 0, 1)
	}
	released, err := s.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: fresh.ID, Outcome: event.Paid}}})
	if err != nil || !slices.Equal(released, []string{fresh.ID}) {
		t.Errorf("a late word that it was paid: %v, %v", released, err)
	}
	wantStock(t, s, screening.ID, 9, 0, 1)
	buy(t, s, screening.ID, "alice", "k2", 4) // her whole limit again
	wantStock(t, s, screening.ID, 5, 4, 1)
	if found := stocktest.Violations(t, s.db); len(found) > 0 {
		t.Error(found)
	}
}

// A buyer pays in the last minute, the order's deadline moves, and stock's with it: the sweeper asks for the order only
// after the new one.
func TestExtendMovesTheDeadlineOfHeldTickets(t *testing.T) {
	o := newOffice(t, Options{SweepGrace: 10 * time.Second})
	screening := addScreening(t, o.Stock, 10, 0)
	bought, sold := buy(t, o.Stock, screening.ID, "alice", "k", 1), buy(t, o.Stock, screening.ID, "bob", "k", 1)
	settle(t, o.Stock, event.Paid, sold.ID)
	later := time.UnixMilli(bought.ExpiresAt).Add(time.Minute)
	for _, deadline := range []time.Time{later, later.Add(-time.Second)} { // an earlier one changes nothing
		if err := o.Extend(t.Context(), bought.ID, deadline); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := o.Reservation(t.Context(), "alice", bought.ID); err != nil || r.ExpiresAt != later.UnixMilli() {
		t.Errorf("reservation %+v, %v, want until %s", r, err, later)
	}
	o.clock.Advance(later.Sub(o.now()) + 10*time.Second - time.Millisecond)
	o.wantSwept(t, 0)
	o.clock.Advance(time.Millisecond)
	o.wantSwept(t, 1)
	for _, id := range []string{sold.ID, "nobody"} {
		if err := o.Extend(t.Context(), id, later); !errors.Is(err, ErrReservationAbsent) {
			t.Errorf("extend %s: %v", id, err)
		}
	}
}

func TestTimeOfAnID(t *testing.T) {
	at := time.UnixMilli(1_795_000_000_123).UTC()
	if got, err := TimeOf(NewID(at)); err != nil || !got.Equal(at) {
		t.Errorf("%s, %v, want %s", got, err, at)
	}
	for _, text := range []string{"", "nobody", "an-order-of-nothing"} {
		if got, err := TimeOf(text); err == nil {
			t.Errorf("%q is of %s", text, got)
		}
	}
}
