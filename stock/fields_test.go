package stock

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
)

// The program could add a screening whose name had control characters or that began in no year, the API refused both, and the
// two did not agree on which characters control. They are judged here, once.
func TestEachFieldOfAScreeningIsJudgedOnce(t *testing.T) {
	s, _ := newStock(t)
	good := addScreening(t, s, 10, 0)
	long := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for field, spoil := range map[Field]func(*Screening){
		FieldID:          func(s *Screening) { s.ID = "" },
		FieldStart:       func(s *Screening) { s.StartsAt = time.Time{} },
		FieldSaleTimes:   func(s *Screening) { s.SaleClosesAt = long },
		FieldSaleWindow:  func(s *Screening) { s.SaleClosesAt = s.SaleOpensAt.Add(time.Microsecond) },
		FieldPrice:       func(s *Screening) { s.Price.Amount = 0 },
		FieldCurrency:    func(s *Screening) { s.Price.Currency = "ZZZ" },
		FieldCapacity:    func(s *Screening) { s.Capacity = CapacityMax + 1 },
		FieldLimit:       func(s *Screening) { s.PerUserLimit = CapacityMax + 1 },
		FieldLatePayment: func(s *Screening) { s.LatePayment = event.LateRevived },
		FieldMovie:       func(s *Screening) { s.Movie = "a\u009fb" },
		FieldVenue:       func(s *Screening) { s.Venue = "a\nb" },
		FieldDescription: func(s *Screening) { s.Description = "a\tb" },
		FieldPosterURL:   func(s *Screening) { s.PosterURL = "https://x.example/\u0085" },
		FieldMapURL:      func(s *Screening) { s.MapURL = "javascript:alert(1)" },
	} {
		bad := good
		spoil(&bad)
		err := bad.Validate()
		if got, ok := errors.AsType[InvalidFieldError](err); !ok || got.Field != field || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// Links were taken whose host has half a bracket, or is a port alone. Go reads them, and no browser opens them.
func TestLinkThatNoBrowserOpensIsNone(t *testing.T) {
	for link, want := range map[string]bool{
		"https://a]": false, "https://:443/": false, "https://[::1]:8443/x": true, "https://rex.example/x[1]": true,
	} {
		if isURL(link) != want {
			t.Errorf("%s is a link: %v, want %v", link, !want, want)
		}
	}
}

// A screening that was added before its name or currency had to be as they are today could not be paused any more; and the
// console's form, which sends every field, could not change its venue.
func TestAnEarlierScreeningCanBeChangedWhereItIsRight(t *testing.T) {
	s, _ := newStock(t)
	screening := addScreening(t, s, 10, 0)
	err := s.db.InTx(t.Context(), func(tx *db.Tx) error {
		return tx.ExecGuarded(t.Context(), 1, `UPDATE screenings SET movie = ?, currency = ? WHERE id = ?`, "a\u0085b", "ZZZ", screening.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := change(t, s, screening.ID, ScreeningChange{Paused: ptr(true), Venue: ptr("Lux")})
	if err != nil || !got.Paused || got.Venue != "Lux" || got.Movie != "a\u0085b" {
		t.Errorf("%+v, %v", got, err)
	}
	starts := got.StartsAt.In(time.FixedZone("", 3600))
	got, err = change(t, s, screening.ID, ScreeningChange{
		Movie: &got.Movie, Price: &got.Price, StartsAt: &starts, SaleOpensAt: &got.SaleOpensAt, SaleClosesAt: &got.SaleClosesAt, Venue: ptr("Rex"),
	})
	if err != nil || got.Venue != "Rex" || got.Movie != "a\u0085b" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = change(t, s, screening.ID, ScreeningChange{Movie: ptr("b\u0085b")})
	wantErr(t, err, ErrInvalid)
}
