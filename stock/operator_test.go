package stock

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/stock/stocktest"
)

func boss() audit.Act { return audit.Act{Actor: "boss", Note: "why"} }

func ptr[T any](value T) *T { return &value }

// actsOf is what was done to a screening, the earliest first, as "act before after".
func actsOf(t *testing.T, s *Stock, id string) (acts []string) {
	t.Helper()
	found, err := s.Acts(t.Context(), audit.Filter{Subject: id}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range slices.Backward(found) {
		if a.Actor != "boss" || a.Note != "why" || a.At.IsZero() {
			t.Errorf("recorded %+v", a)
		}
		acts = append(acts, a.What+" "+string(a.Before)+" "+string(a.After))
	}
	return acts
}

func change(t *testing.T, s *Stock, id string, c ScreeningChange) (Screening, error) {
	t.Helper()
	c.By = boss()
	return s.ChangeScreening(t.Context(), id, c)
}

func TestEveryFieldOfAScreeningCanBeChanged(t *testing.T) {
	s, clock := newStock(t)
	screening := addScreening(t, s, 10, 0)
	price := event.Money{Amount: 100, Currency: "EUR"}
	at := clock.Now().Add(72 * time.Hour)
	got, err := change(t, s, screening.ID, ScreeningChange{
		Movie: ptr("M"), Venue: ptr("Lux"), StartsAt: &at, Price: &price, Capacity: ptr(int64(7)), PerUserLimit: ptr(int64(3)),
		Description: ptr("A film.\nOf 1931."), PosterURL: ptr("https://x.example/p"), MapURL: ptr("https://x.example/m"),
		SaleOpensAt: ptr(clock.Now().Add(time.Hour)), SaleClosesAt: ptr(clock.Now().Add(2 * time.Hour)), Paused: ptr(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Screening{
		ID: screening.ID, Movie: "M", Venue: "Lux", StartsAt: at, Price: price, Capacity: 7, Available: 7, PerUserLimit: 3,
		SaleOpensAt: clock.Now().Add(time.Hour), SaleClosesAt: clock.Now().Add(2 * time.Hour), Paused: true, TermsVersion: 1,
		Texts: Texts{"A film.\nOf 1931.", "https://x.example/p", "https://x.example/m"},
	}
	if got != want {
		t.Errorf("changed to\n%+v, want\n%+v", got, want)
	}
	// The stream of a screening was read without its texts, and a page that had shown them lost them.
	if shown, err := s.ShownScreenings(t.Context(), []string{screening.ID, "none"}); err != nil || len(shown) != 1 || shown[screening.ID] != want {
		t.Errorf("shown is %+v, %v; want %+v", shown, err, want)
	}
	clock.Advance(time.Millisecond) // acts are in the order of their time
	if _, err := change(t, s, screening.ID, ScreeningChange{Description: ptr(""), PosterURL: ptr("")}); err != nil {
		t.Error(err)
	}
	acts := actsOf(t, s, screening.ID)
	emptied := `screening_change {"description":"A film.\nOf 1931.","poster_url":"https://x.example/p"} {"description":"","poster_url":""}`
	if len(acts) != 2 || acts[1] != emptied {
		t.Errorf("recorded %q, want last %s", acts, emptied)
	}
	for name, c := range map[string]ScreeningChange{
		"movie": {Movie: ptr("")}, "price": {Price: &event.Money{Amount: 0, Currency: "CNY"}},
		"currency": {Price: &event.Money{Amount: 1, Currency: "yen"}}, "unknown currency": {Price: &event.Money{Amount: 1, Currency: "ZZZ"}},
		"URL":    {PosterURL: ptr("http://x.example")},
		"window": {SaleClosesAt: ptr(clock.Now())}, "capacity": {Capacity: ptr(int64(0))}, "limit": {PerUserLimit: ptr(int64(-1))},
	} {
		if _, err := change(t, s, screening.ID, c); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if after, err := s.Screening(t.Context(), screening.ID); err != nil || after.Movie != "M" || after.Capacity != 7 {
		t.Errorf("refused changes left %+v, %v", after, err)
	}
	if n := len(actsOf(t, s, screening.ID)); n != 2 {
		t.Errorf("%d acts are recorded, want 2: what is refused is none", n)
	}
}

func TestActsAreRecordedWithWhatTheyChange(t *testing.T) {
	s, clock := newStock(t)
	screening := addScreening(t, s, 10, 0)
	if acts := actsOf(t, s, screening.ID); len(acts) != 0 {
		t.Errorf("the program's own doing is recorded as %q", acts)
	}
	for range 2 {
		for _, paused := range []bool{true, true, false} {
			clock.Advance(time.Millisecond)
			if _, err := change(t, s, screening.ID, ScreeningChange{Paused: &paused}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{
		`screening_pause {"paused":false} {"paused":true}`, `screening_resume {"paused":true} {"paused":false}`,
		`screening_pause {"paused":false} {"paused":true}`, `screening_resume {"paused":true} {"paused":false}`,
	}
	if acts := actsOf(t, s, screening.ID); !slices.Equal(acts, want) {
		t.Errorf("recorded %q", acts)
	}
	clock.Advance(time.Millisecond)
	created, err := s.CreateScreening(t.Context(), Screening{
		Movie: "M", Venue: "Rex", StartsAt: screening.StartsAt, Price: screening.Price, Capacity: 1,
		SaleOpensAt: screening.SaleOpensAt, SaleClosesAt: screening.SaleClosesAt,
	}, boss())
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Acts(t.Context(), audit.Filter{Actor: "boss"}, 1)
	if err != nil || len(found) != 1 || found[0].Subject != created.ID || found[0].What != "screening_create" || !json.Valid(found[0].After) {
		t.Errorf("the latest act is %+v, %v", found, err)
	}
	if found, err := s.Acts(t.Context(), audit.Filter{Actor: "nobody"}, 10); err != nil || len(found) != 0 {
		t.Errorf("nobody did %+v, %v", found, err)
	}
}

func TestPriceIsFixedByTheFirstReservation(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	dear := ScreeningChange{Price: &event.Money{Amount: 9900, Currency: "CNY"}}
	if got, err := change(t, s, screening.ID, dear); err != nil || got.Price.Amount != 9900 {
		t.Fatalf("%+v, %v", got.Price, err)
	}
	r := buy(t, s, screening.ID, "alice", "k", 1)
	if r.Amount.Amount != 9900 {
		t.Errorf("sold at %d", r.Amount.Amount)
	}
	settle(t, s, event.Cancelled, r.ID) // it was reserved once
	_, err := change(t, s, screening.ID, ScreeningChange{Price: &event.Money{Amount: 1, Currency: "CNY"}, Movie: ptr("M")})
	wantErr(t, err, ErrPriceFixed)
	if got, err := change(t, s, screening.ID, dear); err != nil || got.Movie != "Metropolis" {
		t.Errorf("the same price again: %v, %+v", err, got)
	}
}

// What was planned before a change is reserved before the change, or not at all, in whatever process.
func TestWhatWasPlannedBeforeAChangeFailsAfterIt(t *testing.T) {
	for name, operate := range map[string]func(s *Stock, id string) error{
		"price": func(s *Stock, id string) error {
			_, err := change(t, s, id, ScreeningChange{Price: &event.Money{Amount: 1, Currency: "CNY"}})
			return err
		},
		"pause": func(s *Stock, id string) error {
			_, err := change(t, s, id, ScreeningChange{Paused: ptr(true)})
			return err
		},
		"cancel": func(s *Stock, id string) error { _, err := s.CancelScreening(t.Context(), id, boss()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newStock(t)
			screening := addScreening(t, s, 10, 0)
			planned := handMade(screening, 1, "alice")
			if err := operate(s, screening.ID); err != nil {
				t.Fatal(err)
			}
			if outcome, err := s.execute(t.Context(), planned); outcome != mq.Rollback {
				t.Errorf("%v, %v: it was planned before", outcome, err)
			}
			wantStock(t, s, screening.ID, 10, 0, 0)
		})
	}
}

// Changes race with purchases. Every reservation was made at the price that its screening has in the end, and none after
// the pause was answered.
func TestChangesAgainstPurchases(t *testing.T) {
	s, clock := newStock(t)
	for round := range 20 {
		screening := addScreening(t, s, 100, 0)
		var running sync.WaitGroup
		atPause := 0
		other := New(s.db, Options{Now: clock.Now}) // another process
		for n := range 4 {
			running.Go(func() {
				for i := range 5 {
					known, err := other.Screening(t.Context(), screening.ID)
					if err != nil || known.Refusal(1, 0, clock.Now()) != nil {
						continue
					}
					l := handMade(known, 1, crowd(20)[5*n+i])
					l.Requests[0] = RequestID(l.Orders[0].BuyerID, screening.ID)
					l.Orders[0].Amount = known.Price
					if outcome, err := other.execute(t.Context(), l); outcome == mq.Unknown {
						t.Errorf("reserve: %v", err)
					}
				}
			})
		}
		running.Go(func() {
			for i := range 3 {
				_, err := change(t, s, screening.ID, ScreeningChange{Price: &event.Money{Amount: int64(i + 1), Currency: "CNY"}})
				if err != nil && !errors.Is(err, ErrPriceFixed) {
					t.Errorf("change the price: %v", err)
				}
			}
			if _, err := change(t, s, screening.ID, ScreeningChange{Paused: ptr(true)}); err != nil {
				t.Errorf("pause: %v", err)
			}
			atPause = count(t, s, screening.ID)
		})
		running.Wait()
		final, err := s.Screening(t.Context(), screening.ID)
		if err != nil {
			t.Fatal(err)
		}
		var atOther int
		if err := s.db.Reader().Get(&atOther, `SELECT COUNT(*) FROM reservations WHERE screening_id = ? AND amount <> ?`,
			screening.ID, final.Price.Amount); err != nil || atOther != 0 {
			t.Errorf("round %d: %d reservations at another price, %v", round, atOther, err)
		}
		if n := count(t, s, screening.ID); n != atPause || int64(n) != final.Reserved {
			t.Errorf("round %d: %d reservations of %d tickets, %d when the pause was answered", round, n, final.Reserved, atPause)
		}
	}
	for _, violation := range stocktest.Violations(t, s.db) {
		t.Error(violation)
	}
}

func count(t *testing.T, s *Stock, screeningID string) (n int) {
	t.Helper()
	if err := s.db.Reader().Get(&n, `SELECT COUNT(*) FROM reservations WHERE screening_id = ?`, screeningID); err != nil {
		t.Error(err)
	}
	return n
}

func TestCancelledScreeningSellsNothingForGood(t *testing.T) {
	s, clock := newStock(t)
	screening := addScreening(t, s, 10, 0)
	buy(t, s, screening.ID, "alice", "k", 2)
	for range 2 { // to repeat it is safe
		got, err := s.CancelScreening(t.Context(), screening.ID, boss())
		if err != nil || !got.Cancelled || !errors.Is(got.Refusal(1, 0, clock.Now()), ErrCancelled) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if acts, want := actsOf(t, s, screening.ID),
		[]string{`screening_cancel {"cancelled":false,"reserved":2,"sold":0} {"cancelled":true}`}; !slices.Equal(acts, want) {
		t.Errorf("recorded %q", acts)
	}
	for name, c := range map[string]ScreeningChange{
		"pause": {Paused: ptr(true)}, "price": {Price: &event.Money{Amount: 1, Currency: "CNY"}}, "capacity": {Capacity: ptr(int64(20))},
		"limit": {PerUserLimit: ptr(int64(1))},
	} {
		if _, err := change(t, s, screening.ID, c); !errors.Is(err, ErrCancelled) && !errors.Is(err, ErrPriceFixed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	later := clock.Now().Add(time.Hour)
	got, err := change(t, s, screening.ID, ScreeningChange{Description: ptr("Cancelled."), StartsAt: &later})
	if err != nil || got.Description == "" {
		t.Errorf("texts of a cancelled screening: %v", err)
	}
	_, err = s.CancelScreening(t.Context(), "nowhere", boss())
	wantErr(t, err, ErrScreeningNotFound)
	if c, err := s.Cancellation(t.Context(), "nowhere"); c != nil || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

// The archive of a cancelled screening waits for the end of its orders: those that are paid would go there as paid.
func TestCancelledScreeningIsArchivedOnlyOnceItsOrdersEnded(t *testing.T) {
	s, clock := newStock(t)
	screening := addScreening(t, s, 10, 0)
	r := buy(t, s, screening.ID, "alice", "k", 2)
	settle(t, s, event.Paid, r.ID)
	clock.Advance(60 * 24 * time.Hour)
	before := clock.Now().Add(-30 * 24 * time.Hour)
	if _, err := s.CancelScreening(t.Context(), screening.ID, boss()); err != nil {
		t.Fatal(err)
	}
	if ids, err := s.Archivable(t.Context(), before, "", 10); err != nil || len(ids) != 0 {
		t.Errorf("archivable: %q, %v", ids, err)
	}
	var refused NotArchivableError
	if err := s.RequestArchive(t.Context(), screening.ID, before, boss()); !errors.As(err, &refused) || refused.Why.Code == "" {
		t.Errorf("asked for an archive: %v", err)
	}
	_, err := s.BeginArchive(t.Context(), screening.ID, "w", before)
	wantErr(t, err, ErrNotOver)
	settle(t, s, event.Returned, r.ID)
	clock.Advance(31 * 24 * time.Hour)
	if err := s.RequestArchive(t.Context(), screening.ID, clock.Now().Add(-30*24*time.Hour), boss()); err != nil {
		t.Error(err)
	}
	_, err = s.CancelScreening(t.Context(), screening.ID, boss())
	wantErr(t, err, ErrArchived)
}

func TestRequestOfAnArchiveSaysWhyNot(t *testing.T) {
	s, clock := newStock(t)
	month := 30 * 24 * time.Hour
	request := func(id string) error { return s.RequestArchive(t.Context(), id, clock.Now().Add(-month), boss()) }
	screening := addScreening(t, s, 10, 0)
	r := buy(t, s, screening.ID, "alice", "k", 2)
	for _, wanted := range []struct {
		reason string
		then   func()
	}{
		{"Its sale closes at 2026-11-", func() { clock.Advance(24*time.Hour + month + time.Minute) }},
		{"It starts at 2026-11-", func() { clock.Advance(48 * time.Hour) }},
		{"Some of its tickets are reserved, and not yet paid for or returned: 2.", func() { settle(t, s, event.Paid, r.ID) }},
		{"An order of it was made or settled since", func() { clock.Advance(month + time.Minute) }},
	} {
		var refused NotArchivableError
		if err := request(screening.ID); !errors.As(err, &refused) || len(refused.Why.String()) < len(wanted.reason) ||
			refused.Why.String()[:len(wanted.reason)] != wanted.reason {
			t.Errorf("%v, want %s", err, wanted.reason)
		}
		wanted.then()
	}
	if err := request(screening.ID); err != nil {
		t.Fatal(err)
	}
	wantErr(t, request(screening.ID), ErrArchived)
	wantErr(t, request("nowhere"), ErrScreeningNotFound)
	open, err := s.UnfinishedArchives(t.Context())
	if err != nil || len(open) != 1 || open[0].ScreeningID != screening.ID {
		t.Errorf("to be archived: %+v, %v", open, err)
	}
	if acts, want := actsOf(t, s, screening.ID), []string{`screening_archive {"archived":false} {"archived":true}`}; !slices.Equal(acts, want) {
		t.Errorf("recorded %q", acts)
	}
}

func TestFigures(t *testing.T) {
	s, clock := newStock(t)
	screening := addScreening(t, s, 100, 0)
	buy(t, s, screening.ID, "alice", "1", 3)
	first := clock.Now().UnixMilli() - clock.Now().UnixMilli()%FigureStep.Milliseconds()
	clock.Advance(time.Minute)
	paid := buy(t, s, screening.ID, "alice", "2", 2)
	gone := buy(t, s, screening.ID, "bob", "1", 1)
	clock.Advance(time.Minute)
	settle(t, s, event.Paid, paid.ID)
	settle(t, s, event.Cancelled, gone.ID)
	got, err := s.Figures(t.Context(), screening.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Held != (Count{1, 3}) || got.Sold != (Count{1, 2}) || got.Released != (Count{1, 1}) || got.Buyers != 1 {
		t.Errorf("counted %+v", got)
	}
	for at, want := range map[int64]Interval{
		first: {Made: Count{1, 3}}, first + 60_000: {Made: Count{2, 3}}, first + 120_000: {Sold: Count{1, 2}, Released: Count{1, 1}},
	} {
		if got.Intervals[at] != want {
			t.Errorf("at %d: %+v, want %+v", at-first, got.Intervals[at], want)
		}
	}
	if len(got.Intervals) != 3 {
		t.Errorf("%d intervals", len(got.Intervals))
	}
	if none, err := s.Figures(t.Context(), "nowhere"); err != nil || len(none.Intervals) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
}

// Screenings of before may have a currency that would be refused today: their sale can still be ended.
func TestScreeningOfAnUnknownCurrencyCanBePaused(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	dbtest.Exec(t, s.db, `UPDATE screenings SET currency = 'ZZZ' WHERE id = ?`, screening.ID)
	after, err := change(t, s, screening.ID, ScreeningChange{Paused: ptr(true)})
	if err != nil || !after.Paused {
		t.Errorf("paused: %t, %v", after.Paused, err)
	}
}
