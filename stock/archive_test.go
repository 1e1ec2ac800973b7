package stock

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/event"
)

const archiveAge = 7 * 24 * time.Hour

// mustArchive puts a screening into the archive that was over long ago, but for its file.
func mustArchive(t *testing.T, s *Stock, screening string) {
	t.Helper()
	page, err := s.ArchivePage(t.Context(), screening, ArchivedReservation{}, 1000)
	for _, step := range []func() error{
		func() error { return err },
		func() error {
			return s.BeginArchive(t.Context(), screening, "file", "worker", s.now().Add(-archiveAge))
		},
		func() error { return s.FilterRequests(t.Context(), screening, "worker", requestsOf(page)) },
		func() error { return s.WrittenArchive(t.Context(), screening, "worker", ArchiveSums{}) },
		func() error { return s.DropReservations(t.Context(), screening, "worker", page) },
		func() error { return s.FinishArchive(t.Context(), screening, "worker") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// mustSettle ends the reservations of a screening.
func mustSettle(t *testing.T, s *Stock, screening string, outcome event.Outcome) {
	t.Helper()
	page, err := s.ArchivePage(t.Context(), screening, ArchivedReservation{}, 1000)
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
	seller := newPlanner(s)
	again := PurchaseRequest{"alice", "k", old.ID, 1}
	elsewhere := PurchaseRequest{"alice", "k", next.ID, 1}

	wantErr(t, decide(seller, again)[0].err, ErrSaleClosed)
	wantErr(t, decide(seller, elsewhere)[0].err, ErrKeyReused)
	answers := decide(seller, elsewhere, PurchaseRequest{"carol", "k", next.ID, 1}) // memory knows the screening by now
	wantErr(t, answers[0].err, ErrKeyReused)
	if answers[1].err != nil {
		t.Errorf("another buyer of the same list: %v", answers[1].err)
	}
	wantErr(t, decide(newPlanner(New(s.db, Options{Now: now.Now})), elsewhere)[0].err, ErrKeyReused)
	if got, err := s.Screening(t.Context(), next.ID); err != nil || got.Reserved != 1 {
		t.Errorf("%d tickets are reserved, %v, want carol's", got.Reserved, err)
	}
}

// A process whose clock is behind takes the sale for open. It planned before the screening was archived, or plans after.
func TestArchivedScreeningSellsNothing(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 10, 0)
	late := newClock()
	behind := newPlanner(New(s.db, Options{Now: late.Now}))
	planned, err := behind.plan(t.Context(), []*purchase{{
		id: RequestID("alice", "k"), request: PurchaseRequest{"alice", "k", screening.ID, 1},
	}})
	if err != nil || len(planned.admitted) != 1 {
		t.Fatalf("plan: %+v, %v", planned, err)
	}
	now.Advance(30 * 24 * time.Hour)
	mustArchive(t, s, screening.ID)
	if v, err := behind.reserve(t.Context(), planned); v != conflicted {
		t.Errorf("what was planned before: %v, %v, want a conflict", v, err)
	}
	wantErr(t, decide(behind, PurchaseRequest{"bob", "k", screening.ID, 1})[0].err, ErrSaleClosed)
	v := newViewer(t, behind.stock)
	if err := refusal(t, v, screening.ID, "carol"); !errors.Is(err, ErrSaleClosed) {
		t.Errorf("the view says %v", err)
	}
}

func TestArchivedScreeningIsNotChanged(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 10, 0)
	now.Advance(30 * 24 * time.Hour)
	mustArchive(t, s, screening.ID)
	capacity, opens, closes := int64(20), now.Now(), now.Now().Add(time.Hour)
	for name, change := range map[string]ScreeningChange{
		"capacity": {Capacity: &capacity}, "limit": {PerUserLimit: &capacity}, "window": {SaleOpensAt: &opens, SaleClosesAt: &closes},
	} {
		if _, err := s.ChangeScreening(t.Context(), screening.ID, change); !errors.Is(err, ErrArchived) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Somebody buys, or the sale is opened again, between the look for what is over and its archive.
func TestScreeningThatIsNotOverIsNotArchived(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 10, 0)
	mustSell(t, s, screening.ID, "alice")
	now.Advance(30 * 24 * time.Hour)
	begin := func() error {
		return s.BeginArchive(t.Context(), screening.ID, "file", "worker", now.Now().Add(-archiveAge))
	}
	wantErr(t, begin(), ErrNotOver) // alice's ticket is held
	mustSettle(t, s, screening.ID, event.Cancelled)
	closes := now.Now().Add(time.Hour)
	if _, err := s.ChangeScreening(t.Context(), screening.ID, ScreeningChange{SaleClosesAt: &closes}); err != nil {
		t.Fatal(err)
	}
	wantErr(t, begin(), ErrNotOver)
	mustSell(t, s, screening.ID, "bob")
	if _, err := s.Archive(t.Context(), screening.ID); !errors.Is(err, ErrNotArchived) {
		t.Errorf("an archive is left: %v", err)
	}
}

// Nothing is deleted before the file is complete and the filter knows its keys: such a key would buy again.
func TestNothingIsDroppedBeforeTheFileIsComplete(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 10, 2)
	mustEnd(t, s, now, screening.ID, "alice")
	page, err := s.ArchivePage(t.Context(), screening.ID, ArchivedReservation{}, 1000)
	if err != nil || len(page) != 1 {
		t.Fatalf("page %v, %v", page, err)
	}
	if err := s.BeginArchive(t.Context(), screening.ID, "file", "worker", s.now().Add(-archiveAge)); err != nil {
		t.Fatal(err)
	}
	if err := s.DropReservations(t.Context(), screening.ID, "worker", page); err == nil {
		t.Error("a reservation was dropped")
	}
	if _, err := s.DropHoldings(t.Context(), screening.ID, "worker", 1000); err == nil {
		t.Error("a holding was dropped")
	}
}
