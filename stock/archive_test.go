package stock

import (
	"errors"
	"slices"
	"strings"
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

// addMovable is a screening that began long ago, whose sale an administrator keeps open.
func addMovable(t *testing.T, s *Stock) Screening {
	t.Helper()
	now := s.now()
	screening, err := s.AddScreening(t.Context(), Screening{
		Movie: "Metropolis", Venue: "Rex", StartsAt: now.Add(-400 * 24 * time.Hour), Capacity: 10,
		Price:       event.Money{Amount: 4900, Currency: "CNY"},
		SaleOpensAt: now.Add(-400 * 24 * time.Hour), SaleClosesAt: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return screening
}

// closeAt is the administrator's PATCH that moves the end of a sale.
func closeAt(t *testing.T, s *Stock, screening string, at time.Time) {
	t.Helper()
	if _, err := s.ChangeScreening(t.Context(), screening, ScreeningChange{SaleClosesAt: &at}); err != nil {
		t.Fatal(err)
	}
}

func wantArchivable(t *testing.T, s *Stock, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got, err := s.Archivable(t.Context(), s.now().Add(-archiveAge), "", 2); err != nil || !slices.Equal(got, want) {
		t.Errorf("archivable are %q, %v, want %q", got, err, want)
	}
}

// An administrator moved the end of a sale to a year ago. Its orders, which were seconds old, went to the archive, and the
// messages about their payment came to orders that nobody knew. What was made or settled lately holds its screening back,
// and no other.
func TestRecentOrdersAreNotArchived(t *testing.T) {
	s, now := newStock(t)
	moved, settledLate, old, empty := addMovable(t, s), addMovable(t, s), addMovable(t, s), addMovable(t, s)
	mustSell(t, s, old.ID, "alice")
	mustSell(t, s, settledLate.ID, "carol")
	mustSettle(t, s, old.ID, event.Paid)
	now.Advance(5 * time.Minute)
	mustSettle(t, s, settledLate.ID, event.Paid)
	now.Advance(30 * 24 * time.Hour)
	closeAt(t, s, moved.ID, now.Now().Add(time.Hour))
	mustSell(t, s, moved.ID, "bob")
	mustSettle(t, s, moved.ID, event.Paid)
	mustSettle(t, s, settledLate.ID, event.Returned)
	for _, screening := range []Screening{moved, settledLate, old, empty} {
		closeAt(t, s, screening.ID, now.Now().Add(-370*24*time.Hour))
	}
	wantArchivable(t, s, old.ID, empty.ID)
	for _, screening := range []Screening{moved, settledLate} {
		_, err := s.BeginArchive(t.Context(), screening.ID, "worker", now.Now().Add(-archiveAge))
		wantErr(t, err, ErrNotOver)
	}
	mustBegin(t, s, old.ID)
	now.Advance(archiveAge)
	wantArchivable(t, s, empty.ID)
	now.Advance(time.Millisecond)
	exec(t, s, `DELETE FROM stock WHERE screening_id = '`+empty.ID+`'`)
	wantArchivable(t, s, moved.ID, settledLate.ID)
	mustBegin(t, s, moved.ID)
}

// While the archive takes a screening that it has found, an administrator opens the sale again, sells, and moves its end
// back, so that the screening looks as it was found. Each step of that is seen, wherever it falls.
func TestScreeningThatChangesWhileItIsTakenIsNotArchived(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *Stock, string){
		"sold and paid": func(t *testing.T, s *Stock, id string) {
			mustSell(t, s, id, "bob")
			mustSettle(t, s, id, event.Paid)
		},
		"sold and cancelled": func(t *testing.T, s *Stock, id string) {
			mustSell(t, s, id, "bob")
			mustSettle(t, s, id, event.Cancelled)
		},
		"returned": func(t *testing.T, s *Stock, id string) { mustSettle(t, s, id, event.Returned) },
		"opened":   func(t *testing.T, s *Stock, id string) { closeAt(t, s, id, s.now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			other, now := newStock(t)
			screening := addMovable(t, other)
			mustSell(t, other, screening.ID, "alice")
			mustSettle(t, other, screening.ID, event.Paid)
			now.Advance(30 * 24 * time.Hour)
			closeAt(t, other, screening.ID, now.Now().Add(-370*24*time.Hour))
			wantArchivable(t, other, screening.ID)
			changed := false
			s := New(other.db, Options{Now: func() time.Time { // is asked when the reservations have been looked at
				if !changed {
					changed = true
					change(t, other, screening.ID)
				}
				return now.Now()
			}})
			_, err := s.BeginArchive(t.Context(), screening.ID, "worker", now.Now().Add(-archiveAge))
			wantErr(t, err, ErrNotOver)
			if _, err := s.Archive(t.Context(), screening.ID); !errors.Is(err, ErrNotArchived) || !changed {
				t.Errorf("an archive is left: %v", err)
			}
		})
	}
}

// Years of screenings are looked through once an hour: no look may read the reservations of another screening.
func TestLateReservationsAreFoundByAnIndex(t *testing.T) {
	s, _ := newStock(t)
	if s.db.Name() != "sqlite" {
		t.Skip("reads SQLite's plan")
	}
	var steps []struct {
		ID, Parent, NotUsed int
		Detail              string
	}
	if err := s.db.Reader().SelectContext(t.Context(), &steps, `EXPLAIN QUERY PLAN `+quietSelect, "x", "x", 1, "x", 1); err != nil {
		t.Fatal(err)
	}
	searches := 0
	for _, step := range steps {
		if strings.Contains(step.Detail, "SEARCH reservations USING") && strings.Contains(step.Detail, "reservations_by_screening") {
			searches++
		}
		if strings.HasPrefix(step.Detail, "SCAN reservations") {
			t.Errorf("it reads all reservations: %s", step.Detail)
		}
	}
	if searches != 2 {
		t.Errorf("reservations are searched %d times by their screening, want 2: %+v", searches, steps)
	}
}
