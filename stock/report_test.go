package stock

import (
	"testing"
	"time"

	"boxoffice/common/event"
)

func TestReportAddsUpTicketsAndNamesWhatDisagrees(t *testing.T) {
	s, c := newStock(t)
	first, second := addScreening(t, s, 10, 0), addScreening(t, s, 100, 0)
	held := buy(t, s, first.ID, "alice", "k", 2)
	sold := buy(t, s, second.ID, "bob", "k", 3)
	settle(t, s, event.Paid, sold.ID)
	released := buy(t, s, second.ID, "carol", "k", 4)
	settle(t, s, event.Cancelled, released.ID)

	want := Totals{Available: 105, Reserved: 2, Sold: 3}
	if got, err := s.Totals(t.Context()); err != nil || got != want {
		t.Errorf("totals %+v, %v, want %+v", got, err, want)
	}
	accounts := map[string]Account{}
	for after := ""; ; {
		page, err := s.Accounts(t.Context(), after, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		after = page[0].ScreeningID
		accounts[after] = page[0]
	}
	if len(accounts) != 2 || accounts[first.ID] != (Account{ScreeningID: first.ID, Capacity: 10, Available: 8, Reserved: 2,
		HeldSum: 2, Writing: true}) ||
		accounts[second.ID] != (Account{ScreeningID: second.ID, Capacity: 100, Available: 97, Sold: 3, SoldSum: 3,
			Writing: true}) || !accounts[first.ID].Balanced() {
		t.Errorf("accounts %+v", accounts)
	}
	exec(t, s, `UPDATE stock SET sold = sold + 1, available = available - 1 WHERE screening_id = ?`, first.ID)
	if page, err := s.Accounts(t.Context(), "", 10); err != nil || page[0].Balanced() == page[1].Balanced() {
		t.Errorf("a sold ticket without a reservation is not seen: %+v, %v", page, err)
	}
	c.Advance(payWindow + 2*defaultSweepGrace - time.Millisecond)
	if s.IsStale(held) {
		t.Error("stale before its time")
	}
	c.Advance(time.Millisecond)
	settled, err := s.ReservationsOf(t.Context(), sold.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Totals(t.Context())
	if err != nil || got.Stale != 1 || !s.IsStale(held) || s.IsStale(settled[sold.ID]) {
		t.Errorf("%d stale, %v, want the held one", got.Stale, err)
	}
}

func TestReportPagesThroughReservations(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 100, 0)
	want := map[string]Reservation{}
	for _, buyer := range []string{"a", "b", "c", "d", "e"} {
		r := buy(t, s, screening.ID, buyer, "k", 1)
		want[r.ID] = r
	}
	var ids []string
	for after := ""; ; {
		page, err := s.ReservationsAfter(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			if r != want[r.ID] || r.ID <= after {
				t.Errorf("%+v after %s", r, after)
			}
			after = r.ID
			ids = append(ids, r.ID)
		}
	}
	if len(ids) != len(want) {
		t.Errorf("%d reservations, want %d", len(ids), len(want))
	}
	found, err := s.ReservationsOf(t.Context(), append(ids[:2:2], "nobody")...)
	if err != nil || len(found) != 2 || found[ids[1]] != want[ids[1]] {
		t.Errorf("found %+v, %v", found, err)
	}
}

// A screening was cancelled and no process ended its orders: nobody was called, because no figure told of it.
func TestTotalsTellOfACancellationThatStands(t *testing.T) {
	s, c := newStock(t)
	first, second := addScreening(t, s, 10, 0), addScreening(t, s, 10, 0)
	held, sold := buy(t, s, first.ID, "alice", "k", 2), buy(t, s, first.ID, "bob", "k", 3)
	settle(t, s, event.Paid, sold.ID)
	buy(t, s, second.ID, "carol", "k", 4)
	want := func(left int64, since time.Duration) {
		t.Helper()
		got, err := s.Totals(t.Context())
		if err != nil || got.CancelledLeft != left || got.CancelledSince != since {
			t.Errorf("%d tickets left for %v, %v; want %d for %v", got.CancelledLeft, got.CancelledSince, err, left, since)
		}
	}
	want(0, 0)
	if _, err := s.CancelScreening(t.Context(), first.ID, boss()); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Hour)
	if _, err := s.CancelScreening(t.Context(), second.ID, boss()); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Minute)
	want(9, time.Hour+time.Minute)
	settle(t, s, event.Cancelled, held.ID)
	settle(t, s, event.Returned, sold.ID)
	for range 2 {
		step, err := s.ClaimCancellation(t.Context(), 10)
		if err != nil || step == nil {
			t.Fatal(step, err)
		}
		if err := s.EndCancellationStep(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	want(4, time.Minute)
}
