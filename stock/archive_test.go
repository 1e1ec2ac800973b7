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
	if err != nil {
		t.Fatal(err)
	}
	l := mustBegin(t, s, screening)
	for _, step := range []func() error{
		func() error { return s.FilterRequests(t.Context(), l, requestsOf(page)) },
		func() error { return s.WrittenArchive(t.Context(), l, "file", "", ArchiveSums{}) },
		func() error { return s.DropReservations(t.Context(), l, page) },
		func() error { return s.FinishArchive(t.Context(), l) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

func mustBegin(t *testing.T, s *Stock, screening string) ArchiveLease {
	t.Helper()
	l, err := s.BeginArchive(t.Context(), screening, "worker", s.now().Add(-archiveAge))
	if err != nil {
		t.Fatal(err)
	}
	return l
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
		_, err := s.BeginArchive(t.Context(), screening.ID, "worker", now.Now().Add(-archiveAge))
		return err
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
	l := mustBegin(t, s, screening.ID)
	if err := s.DropReservations(t.Context(), l, page); err == nil {
		t.Error("a reservation was dropped")
	}
	if _, err := s.DropHoldings(t.Context(), l, 1000); err == nil {
		t.Error("a holding was dropped")
	}
}
