package stock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/keyset"
)

func inTx(t *testing.T, s *Stock, fn func(context.Context, *db.Tx, int64) error) error {
	t.Helper()
	return s.db.InTx(t.Context(), func(tx *db.Tx) error { return fn(t.Context(), tx, s.now().UnixMilli()) })
}

func TestAddScreeningLeavesAnExistingOneAlone(t *testing.T) {
	s, _ := newStock(t)
	first := addScreening(t, s, 10, 0)
	buy(t, s, first.ID, "alice", "k", 2)
	again := first
	again.Capacity, again.Movie = 99, "Stalker"
	got, err := s.AddScreening(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if got.Movie != "Metropolis" || got.Capacity != 10 || got.Available != 8 {
		t.Errorf("added again: %+v", got)
	}
	wantStock(t, s, first.ID, 8, 2, 0)
}

func TestAddScreeningRefusesWhatNoSaleCanUse(t *testing.T) {
	s, _ := newStock(t)
	good := addScreening(t, s, 10, 0)
	for name, spoil := range map[string]func(*Screening){
		"id not UTF-8":        func(s *Screening) { s.ID = "\xff" },
		"no movie":            func(s *Screening) { s.Movie = "" },
		"price below zero":    func(s *Screening) { s.Price.Amount = -1 },
		"price too large":     func(s *Screening) { s.Price.Amount = PriceMax + 1 },
		"no currency":         func(s *Screening) { s.Price.Currency = "" },
		"capacity below zero": func(s *Screening) { s.Capacity = -1 },
		"limit below zero":    func(s *Screening) { s.PerUserLimit = -1 },
		"late money kept":     func(s *Screening) { s.LatePayment = "keep" },
		"window turned round": func(s *Screening) { s.SaleOpensAt = s.SaleClosesAt },
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			spoil(&bad)
			_, err := s.AddScreening(t.Context(), bad)
			wantErr(t, err, ErrInvalid)
		})
	}
}

func TestChangeScreening(t *testing.T) {
	s, c := newStock(t)
	screening := addScreening(t, s, 10, 0)
	settle(t, s, event.Paid, buy(t, s, screening.ID, "alice", "k1", 2).ID)
	buy(t, s, screening.ID, "alice", "k2", 3)
	change := func(capacity int64) error {
		_, err := s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{Capacity: &capacity})
		return err
	}
	wantErr(t, change(4), ErrCapacityTooSmall)
	wantErr(t, change(-1), ErrInvalid)
	unknown := event.LateRevived
	_, err := s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{LatePayment: &unknown})
	wantErr(t, err, ErrInvalid)
	wantStock(t, s, screening.ID, 5, 3, 2)
	for capacity, available := range map[int64]int64{5: 0, 20: 15} {
		if err := change(capacity); err != nil {
			t.Fatal(err)
		}
		wantStock(t, s, screening.ID, available, 3, 2)
	}
	opens, closes := c.Now().Add(time.Hour), c.Now().Add(2*time.Hour)
	got, err := s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{SaleOpensAt: &opens, SaleClosesAt: &closes})
	if err != nil || !got.SaleOpensAt.Equal(opens) || !got.SaleClosesAt.Equal(closes) {
		t.Errorf("window %v to %v, %v", got.SaleOpensAt, got.SaleClosesAt, err)
	}
	late := closes.Add(time.Second)
	_, err = s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{SaleOpensAt: &late})
	wantErr(t, err, ErrInvalid)
	_, err = s.ChangeScreening(t.Context(), "nowhere", ScreeningChange{})
	wantErr(t, err, ErrScreeningNotFound)
}

func TestReservationsArePagedNewestFirst(t *testing.T) {
	s, c := newStock(t)
	screening := addScreening(t, s, 1000, 0)
	for i := range 7 {
		buy(t, s, screening.ID, "alice", fmt.Sprint(i), 1)
		buy(t, s, screening.ID, "bob", fmt.Sprint(i), 1)
		c.Advance(time.Duration(i%2) * time.Millisecond) // some share their time
	}
	var seen []Reservation
	for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
		items, next, err := s.Reservations(t.Context(), "alice", cursor, 2)
		if err != nil || len(items) == 0 || len(items) > 2 || page > 7 {
			t.Fatalf("page %d: %d items, %v", page, len(items), err)
		}
		seen, cursor = append(seen, items...), next
	}
	newestFirst := func(a, b Reservation) int { return int(b.CreatedAt - a.CreatedAt) }
	if len(seen) != 7 || !slices.IsSortedFunc(seen, newestFirst) {
		t.Errorf("%d reservations, newest first: %v", len(seen), slices.IsSortedFunc(seen, newestFirst))
	}
	ids := map[string]bool{}
	for _, r := range seen {
		ids[r.ID] = r.BuyerID == "alice"
	}
	if len(ids) != 7 {
		t.Errorf("%d different reservations of 7", len(ids))
	}
	_, err := s.Reservation(t.Context(), "bob", seen[0].ID)
	wantErr(t, err, ErrReservationAbsent)
}

func TestScreeningsArePagedByStart(t *testing.T) {
	s, c := newStock(t)
	for range 5 {
		addScreening(t, s, 1, 0)
		c.Advance(time.Hour)
	}
	var starts []int64
	for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
		items, next, err := s.Screenings(t.Context(), AnySale, cursor, 2)
		if err != nil || page > 5 {
			t.Fatal(page, err)
		}
		for _, item := range items {
			starts = append(starts, item.StartsAt.UnixMilli())
		}
		cursor = next
	}
	if len(starts) != 5 || !slices.IsSorted(starts) {
		t.Errorf("screenings start at %v", starts)
	}
}

// After a hundred screenings that were over, the page's list of a hundred had nothing to buy. And whoever looked for
// yesterday's screening had to turn the pages from the first one that there ever was: those that are over come latest first.
func TestScreeningsBySale(t *testing.T) {
	s, c := newStock(t)
	var ids []string
	for range 4 {
		ids = append(ids, addScreening(t, s, 1, 0).ID)
		c.Advance(8 * time.Hour)
	}
	// A day's sale closes at the very moment that is now for the second.
	for _, list := range []struct {
		which SaleFilter
		want  []string
	}{{AnySale, ids}, {ClosedSale, []string{ids[1], ids[0]}}, {UpcomingSale, ids[2:]}} {
		var got []string
		for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
			items, next, err := s.Screenings(t.Context(), list.which, cursor, 1)
			if err != nil || page > len(ids) {
				t.Fatal(page, err)
			}
			for _, item := range items {
				got = append(got, item.ID)
			}
			cursor = next
		}
		if !slices.Equal(got, list.want) {
			t.Errorf("list %d: %v, want %v of %v", list.which, got, list.want, ids)
		}
	}
}

// A festival's screenings start at the same moment, and a page that ends among them neither repeats nor loses one, also when a
// screening is over by the time the next page is asked for.
func TestPastScreeningsOfOneStartArePaged(t *testing.T) {
	s, c := newStock(t)
	var ids []string
	for range 5 {
		ids = append(ids, addScreening(t, s, 1, 0).ID)
	}
	slices.Sort(ids)
	c.Advance(time.Hour)
	addScreening(t, s, 1, 0)
	c.Advance(23 * time.Hour)
	var got []string
	for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
		items, next, err := s.Screenings(t.Context(), ClosedSale, cursor, 2)
		if err != nil || page > len(ids) {
			t.Fatal(page, err)
		}
		for _, item := range items {
			got = append(got, item.ID)
		}
		cursor = next
		c.Advance(time.Hour)
	}
	if slices.Reverse(got); !slices.Equal(got, ids) {
		t.Errorf("the latest first: %v, want %v from its end", got, ids)
	}
}

func TestForeignCursorsAreRefused(t *testing.T) {
	s, _ := newStock(t)
	for _, cursor := range []string{"x", "!", keyset.Position{At: 1}.Cursor(""), keyset.Position{At: 1, ID: "\xff"}.Cursor(""), "MTIz"} {
		if _, _, err := s.Screenings(t.Context(), AnySale, cursor, 1); !errors.Is(err, keyset.ErrCursorInvalid) {
			t.Errorf("cursor %q: %v, want ErrCursorInvalid", cursor, err)
		}
	}
}
