package stock

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"boxoffice/common/event"
	"boxoffice/common/idform"
)

// Field names what of a screening is out of range.
type Field string

// The fields that have a range, as an InvalidFieldError names them.
const (
	FieldID          Field = "id"
	FieldStart       Field = "start"
	FieldSaleTimes   Field = "sale times"
	FieldSaleWindow  Field = "sale window" // it closes before it opens
	FieldPrice       Field = "price amount"
	FieldCurrency    Field = "price currency"
	FieldCapacity    Field = "capacity"
	FieldLimit       Field = "per-user limit"
	FieldLatePayment Field = "late payment"
	FieldMovie       Field = "movie"
	FieldVenue       Field = "venue"
	FieldDescription Field = "description"
	FieldPosterURL   Field = "poster URL"
	FieldMapURL      Field = "map URL"
)

// InvalidFieldError refuses a screening, or a change of one, for one field. It is an ErrInvalid.
type InvalidFieldError struct {
	Field Field
	Most  int64 // of a number, or bytes of a text; 0 where the field has no such bound
}

// Error is for the log.
func (e InvalidFieldError) Error() string { return fmt.Sprintf("%v: %s", ErrInvalid, e.Field) }

// Is makes it an ErrInvalid.
func (e InvalidFieldError) Is(target error) bool { return target == ErrInvalid }

// Validate judges a new screening: an InvalidFieldError names the first field that no screening may have so.
func (s Screening) Validate() error {
	if !idform.IsID(s.ID) {
		return InvalidFieldError{FieldID, idform.IDMax}
	}
	return ScreeningChange{
		Movie: &s.Movie, Venue: &s.Venue, StartsAt: &s.StartsAt, Price: &s.Price, Capacity: &s.Capacity,
		SaleOpensAt: &s.SaleOpensAt, SaleClosesAt: &s.SaleClosesAt, PerUserLimit: &s.PerUserLimit, LatePayment: &s.LatePayment,
		Description: &s.Description, PosterURL: &s.PosterURL, MapURL: &s.MapURL,
	}.Validate()
}

// Validate judges every value that a change gives. An InvalidFieldError names the first field that no screening may have so.
func (c ScreeningChange) Validate() error {
	switch {
	case c.StartsAt != nil && !IsTime(*c.StartsAt):
		return InvalidFieldError{Field: FieldStart}
	case c.SaleOpensAt != nil && !IsTime(*c.SaleOpensAt), c.SaleClosesAt != nil && !IsTime(*c.SaleClosesAt):
		return InvalidFieldError{Field: FieldSaleTimes}
	case c.Price != nil && (c.Price.Amount < 1 || c.Price.Amount > PriceMax):
		return InvalidFieldError{FieldPrice, PriceMax}
	case c.Price != nil && !event.IsKnownCurrency(c.Price.Currency):
		return InvalidFieldError{Field: FieldCurrency}
	case c.Capacity != nil && (*c.Capacity < 1 || *c.Capacity > CapacityMax):
		return InvalidFieldError{FieldCapacity, CapacityMax}
	case c.PerUserLimit != nil && (*c.PerUserLimit < 0 || *c.PerUserLimit > CapacityMax): // 0 is no limit
		return InvalidFieldError{FieldLimit, CapacityMax}
	case c.LatePayment != nil && *c.LatePayment != event.LateRefund && *c.LatePayment != event.LateRevive:
		return InvalidFieldError{Field: FieldLatePayment}
	case c.SaleOpensAt != nil && c.SaleClosesAt != nil && !isWindow(*c.SaleOpensAt, *c.SaleClosesAt):
		return InvalidFieldError{Field: FieldSaleWindow}
	}
	return c.validateTexts()
}

func (c ScreeningChange) validateTexts() error {
	switch {
	case c.Movie != nil && !isName(*c.Movie):
		return InvalidFieldError{FieldMovie, NameMax}
	case c.Venue != nil && !isName(*c.Venue):
		return InvalidFieldError{FieldVenue, NameMax}
	case c.Description != nil && !isDescription(*c.Description):
		return InvalidFieldError{FieldDescription, DescriptionMax}
	case c.PosterURL != nil && !isURL(*c.PosterURL):
		return InvalidFieldError{FieldPosterURL, URLMax}
	case c.MapURL != nil && !isURL(*c.MapURL):
		return InvalidFieldError{FieldMapURL, URLMax}
	}
	return nil
}

// IsTime tells whether the database can store a time, which it does in Unix milliseconds, and RFC 3339 can write it in every
// time zone.
func IsTime(t time.Time) bool { return t.UnixMilli() >= 0 && t.UTC().Year() < 9999 }

// isWindow tells whether a sale ends after it begins, at the precision that the database stores.
func isWindow(opens, closes time.Time) bool { return opens.UnixMilli() < closes.UnixMilli() }

// isName tells whether a movie or a venue can be called so: in one line, which goes into mails and onto tickets.
func isName(s string) bool {
	return s != "" && len(s) <= NameMax && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// isDescription tells whether a page can show this text, whose lines may be broken.
func isDescription(s string) bool {
	notShown := func(r rune) bool { return r != '\n' && unicode.IsControl(r) }
	return len(s) <= DescriptionMax && utf8.ValidString(s) && !strings.ContainsFunc(s, notShown)
}

// isURL tells whether a page may link to this URL: one of https, with a host and without a password. An empty one is none.
func isURL(s string) bool {
	if s == "" {
		return true
	}
	u, ok := idform.WebURL(s, URLMax)
	return ok && u.Scheme == "https"
}
