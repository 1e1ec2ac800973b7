package stock

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/stock/stocktest"
)

// mustEnd sells to the buyers, is paid, and waits until the screening is over.
func mustEnd(t *testing.T, s *Stock, now *stocktest.Clock, screening string, buyers ...string) {
	t.Helper()
	mustSell(t, s, screening, buyers...)
	mustSettle(t, s, screening, event.Paid)
	now.Advance(30 * 24 * time.Hour)
}

// The filter may be wrong in one direction only: what it takes for possible is looked up.
func TestFilterRefusesNobodyByItself(t *testing.T) {
	s, now := newStock(t)
	old := addScreening(t, s, 10, 0)
	mustEnd(t, s, now, old.ID, "alice")
	mustArchive(t, s, old.ID)
	full := make([]byte, filterBlockBytes)
	for i := range full {
		full[i] = 0xff
	}
	id := RequestIDBytes("bob", "k")
	place := placeOf(id[:])
	if err := s.db.InTx(t.Context(), func(tx *db.Tx) error {
		return addToFilter(t.Context(), tx, []int{place.block}, map[int][]byte{place.block: full})
	}); err != nil {
		t.Fatal(err)
	}
	possible, err := s.possiblyArchived(t.Context(), s.db.Reader(), [][]byte{id[:]})
	if err != nil || len(possible) != 1 {
		t.Fatalf("possible %x, %v, want bob's", possible, err)
	}
	alice := RequestID("alice", "k")
	found, err := s.archivedRequests(t.Context(), s.db.Reader(), []string{RequestID("bob", "k"), alice})
	if err != nil || len(found) != 1 || !found[alice] {
		t.Errorf("archived are %v, %v, want alice's", found, err)
	}
}

// A process keeps what it has read of the filter. Another one archives the very key that this one has just looked for, in a
// block that it knows: what was read before is not used again, nor is it by who looks at the database as it was.
func TestFilterIsReadAgainWhenSomebodyAddedToIt(t *testing.T) {
	other, now := newStock(t)
	s := New(other.db, Options{Now: now.Now})
	for _, buyer := range []string{"alice", "bob"} {
		id := RequestIDBytes(buyer, "k")
		if possible, err := s.possiblyArchived(t.Context(), s.db.Reader(), [][]byte{id[:]}); err != nil || len(possible) != 0 {
			t.Fatalf("%s before: %x, %v", buyer, possible, err)
		}
		screening := addScreening(t, other, 10, 0)
		mustEnd(t, other, now, screening.ID, buyer)
		mustArchive(t, other, screening.ID)
		if possible, err := s.possiblyArchived(t.Context(), s.db.Reader(), [][]byte{id[:]}); err != nil || len(possible) != 1 {
			t.Errorf("%s after: %x, %v", buyer, possible, err)
		}
	}
	version, place := s.filter.version, placeOf([]byte("some key"))
	s.filter.keep(version-1, map[int][][]byte{place.block: nil}, -1)
	if known, missing, _ := s.filter.recall(version, []int{place.block}); len(known) != 0 || len(missing) != 1 {
		t.Errorf("what was read by an older view is kept: %v, %v", known, missing)
	}
	if known, missing, _ := s.filter.recall(version-1, []int{place.block}); len(known) != 0 || len(missing) != 1 || s.filter.version != version {
		t.Errorf("an older view is answered %v, %v", known, missing)
	}
}

// Years of archives fill one layer after the other. Keys of all of them are found.
func TestEveryLayerOfTheFilterIsRead(t *testing.T) {
	s, now := newStock(t)
	buyers := []string{"alice", "bob", "carol"}
	for n, buyer := range buyers {
		screening := addScreening(t, s, 10, 0)
		mustEnd(t, s, now, screening.ID, buyer)
		mustArchive(t, s, screening.ID)
		exec(t, s, fmt.Sprintf(`UPDATE archives SET orders = %d WHERE screening_id = '%s'`, filterLayerIDs, screening.ID))
		var layers int
		if err := s.db.Reader().GetContext(t.Context(), &layers,
			`SELECT COUNT(DISTINCT layer) FROM archived_filter WHERE block >= 0`); err != nil || layers != n+1 {
			t.Fatalf("%d layers, %v, want %d", layers, err, n+1)
		}
	}
	for _, buyer := range buyers {
		id := RequestID(buyer, "k")
		if found, err := s.archivedRequests(t.Context(), s.db.Reader(), []string{id}); err != nil || !found[id] {
			t.Errorf("the key of %s is not found, %v", buyer, err)
		}
	}
}

func requestsOf(archived []ArchivedReservation) []string {
	requests := make([]string, len(archived))
	for i, r := range archived {
		requests[i] = r.RequestID
	}
	return requests
}

// buyersOfBlocks are buyers whose keys are all in the first few blocks.
func buyersOfBlocks(blocks, n int) (buyers []string) {
	for i := 0; len(buyers) < n; i++ {
		buyer := fmt.Sprint("buyer-", i)
		if id := RequestIDBytes(buyer, "k"); placeOf(id[:]).block < blocks {
			buyers = append(buyers, buyer)
		}
	}
	return buyers
}

// Two processes archive at once. What one adds to a block of the filter must not be lost in what the other adds: such a
// key would buy again.
func TestArchiversShareTheFilter(t *testing.T) {
	s, now := newStock(t)
	const archivers, buyersEach = 4, 48
	buyers := buyersOfBlocks(8, archivers*buyersEach)
	screenings := make([]Screening, archivers)
	for n := range screenings {
		screenings[n] = addScreening(t, s, buyersEach, 0)
	}
	for n, screening := range screenings {
		mustSell(t, s, screening.ID, buyers[n*buyersEach:(n+1)*buyersEach]...)
		mustSettle(t, s, screening.ID, event.Paid)
	}
	now.Advance(30 * 24 * time.Hour)
	var working sync.WaitGroup
	for n, screening := range screenings {
		working.Go(func() {
			page, err := s.ArchivePage(t.Context(), screening.ID, ArchivedReservation{}, 1000)
			var l ArchiveLease
			if err == nil {
				l, err = s.BeginArchive(t.Context(), screening.ID, fmt.Sprint("worker-", n), s.now().Add(-archiveAge))
			}
			for i := 0; i < len(page) && err == nil; i += 6 {
				err = s.FilterRequests(t.Context(), l, requestsOf(page[i:i+6]))
			}
			if err == nil {
				err = s.WrittenArchive(t.Context(), l, "file", "", ArchiveSums{Orders: int64(len(page))})
			}
			if err == nil {
				err = s.DropReservations(t.Context(), l, page)
			}
			if err != nil {
				t.Errorf("archive: %v", err)
			}
		})
	}
	working.Wait()
	var requests []string
	for _, buyer := range buyers {
		requests = append(requests, RequestID(buyer, "k"))
	}
	found, err := s.archivedRequests(t.Context(), s.db.Reader(), requests)
	if err != nil || len(found) != archivers*buyersEach {
		t.Errorf("%d keys are found, %v, want %d", len(found), err, archivers*buyersEach)
	}
}

// A process that has just started read a block of the filter for each purchase, a tenth of an order's cost, until it had
// seen most of the 65,536. Once nobody adds to the filter, a few looks know all of it.
func TestQuietFilterIsSoonKnownAsAWhole(t *testing.T) {
	s, now := newStock(t)
	screening := addScreening(t, s, 10, 0)
	mustEnd(t, s, now, screening.ID, "alice")
	mustArchive(t, s, screening.ID)
	s = New(s.db, Options{Now: now.Now})
	alice := RequestID("alice", "k")
	for i := range filterSettled {
		requests := []string{RequestID(strconv.Itoa(i), "k")}
		if _, err := s.archivedRequests(t.Context(), s.db.Reader(), requests); err != nil || len(s.filter.blocks) > i+1 {
			t.Fatalf("look %d knows %d blocks while the filter was changing, %v", i, len(s.filter.blocks), err)
		}
	}
	for range filterBlocks / filterRange {
		if found, err := s.archivedRequests(t.Context(), s.db.Reader(), []string{alice}); err != nil || !found[alice] {
			t.Fatalf("an archived key is not found while the filter is read: %v, %v", found, err)
		}
	}
	if len(s.filter.blocks) != filterBlocks {
		t.Errorf("%d blocks are known, want %d", len(s.filter.blocks), filterBlocks)
	}
	if found, err := s.archivedRequests(t.Context(), s.db.Reader(), []string{alice, RequestID("bob", "k")}); err != nil || len(found) != 1 {
		t.Errorf("of the whole filter %v are found, %v", found, err)
	}
	if _, missing, from := s.filter.recall(s.filter.version, []int{0, filterBlocks - 1}); len(missing) != 0 || from != -1 {
		t.Errorf("blocks %v are still to be read, and more from %d on", missing, from)
	}
	if _, missing, from := s.filter.recall(s.filter.version+1, []int{0}); len(missing) != 1 || from != -1 || len(s.filter.blocks) != 0 {
		t.Errorf("after a change %v and from %d on is to be read, %d blocks are known", missing, from, len(s.filter.blocks))
	}
}
