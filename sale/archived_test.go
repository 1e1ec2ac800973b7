package sale

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/stock"
	"boxoffice/stock/stocktest"
)

const archiveAge = 7 * 24 * time.Hour

// mustArchive puts a screening into the archive that was over long ago, but for its file.
func mustArchive(t *testing.T, s *shop, screening string) {
	t.Helper()
	page, err := s.ArchivePage(t.Context(), screening, stock.ArchivedReservation{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var requests []string
	for _, r := range page {
		requests = append(requests, r.RequestID)
	}
	l, err := s.BeginArchive(t.Context(), screening, "worker", s.clock.Now().Add(-archiveAge))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return s.FilterRequests(t.Context(), l, requests) },
		func() error { return s.WrittenArchive(t.Context(), l, "file", "", stock.ArchiveSums{}) },
		func() error { return s.DropReservations(t.Context(), l, page) },
		func() error { return s.FinishArchive(t.Context(), l) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// mustSettle ends the reservations of a screening.
func mustSettle(t *testing.T, s *shop, screening string, outcome event.Outcome) {
	t.Helper()
	page, err := s.ArchivePage(t.Context(), screening, stock.ArchivedReservation{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var settled event.Settled
	for _, r := range page {
		settled.Orders = append(settled.Orders, event.SettledOrder{OrderID: r.OrderID, Outcome: outcome})
	}
	if _, err := s.Settle(t.Context(), settled); err != nil {
		t.Fatal(err)
	}
}

// A key buys once, also when its order has left the database: for its own screening, which is over, and for any other,
// whether memory lets the buyer in or the database is asked.
func TestKeyOfAnArchivedOrderBuysNothing(t *testing.T) {
	s, now := newStock(t)
	old := addScreening(t, s, 10, 0)
	mustSell(t, s, old.ID, "alice", "bob")
	mustSettle(t, s, old.ID, event.Paid)
	now.Advance(30 * 24 * time.Hour)
	mustArchive(t, s, old.ID)
	next := addScreening(t, s, 10, 0)
	seller := newUnstarted(s)
	again := Request{"alice", "k", old.ID, 1}
	elsewhere := Request{"alice", "k", next.ID, 1}

	wantErr(t, decide(seller, again)[0].err, stock.ErrSaleClosed)
	wantErr(t, decide(seller, elsewhere)[0].err, ErrKeyReused)
	answers := decide(seller, elsewhere, Request{"carol", "k", next.ID, 1}) // memory knows the screening by now
	wantErr(t, answers[0].err, ErrKeyReused)
	if answers[1].err != nil {
		t.Errorf("another buyer of the same list: %v", answers[1].err)
	}
	wantErr(t, decide(newUnstarted(s.process()), elsewhere)[0].err, ErrKeyReused)
	if got, err := s.Screening(t.Context(), next.ID); err != nil || got.Reserved != 1 {
		t.Errorf("%d tickets are reserved, %v, want carol's", got.Reserved, err)
	}
}

// A process whose clock is behind takes the sale for open. It planned before the screening was archived, or plans after.
func TestArchivedScreeningSellsNothing(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 10, 0)
	late := stocktest.NewClock()
	behind := newUnstarted(openShop(s.db, late))
	planned, err := behind.plan(t.Context(), []*purchase{{
		id: stock.RequestID("alice", "k"), request: Request{"alice", "k", screening.ID, 1},
	}})
	if err != nil || len(planned.admitted) != 1 {
		t.Fatalf("plan: %+v, %v", planned, err)
	}
	now.Advance(30 * 24 * time.Hour)
	mustArchive(t, s, screening.ID)
	if v, err := behind.reserve(t.Context(), planned, &refusals{}); v != conflicted {
		t.Errorf("what was planned before: %v, %v, want a conflict", v, err)
	}
	wantErr(t, decide(behind, Request{"bob", "k", screening.ID, 1})[0].err, stock.ErrSaleClosed)
	v := newRefusing(t, openShop(s.db, late))
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, stock.ErrSaleClosed) {
		t.Errorf("the view says %v", err)
	}
}
