package stock

import (
	"fmt"
	"time"
	"unicode/utf8"

	"boxoffice/common/event"
)

// The bounds of what this service takes. The columns are wide enough for each.
const (
	BuyerIDMax     = 128 // bytes
	ScreeningIDMax = 64  // bytes
	NameMax        = 255 // bytes, of a movie or a venue
	orderIDMax     = 64  // bytes

	// Together they keep the price of all tickets of a screening within an int64.
	CapacityMax = 100_000_000
	PriceMax    = 10_000_000_000 // minor units
)

// IsBuyerID tells whether a buyer can have this id.
func IsBuyerID(id string) bool { return isText(id, BuyerIDMax) }

// IsScreeningID tells whether a screening can have this id.
func IsScreeningID(id string) bool { return isText(id, ScreeningIDMax) }

// isText keeps out what a database would refuse.
func isText(s string, bytesMax int) bool { return s != "" && len(s) <= bytesMax && utf8.ValidString(s) }

func (s Screening) validate() error {
	var field string
	switch {
	case !IsScreeningID(s.ID):
		field = "id"
	case !isText(s.Movie, NameMax):
		field = "movie"
	case !isText(s.Venue, NameMax):
		field = "venue"
	case s.Price.Amount < 1 || s.Price.Amount > PriceMax:
		field = "price amount"
	case !event.IsCurrency(s.Price.Currency):
		field = "price currency"
	case s.Capacity < 1 || s.Capacity > CapacityMax:
		field = "capacity"
	case s.PerUserLimit < 0 || s.PerUserLimit > CapacityMax:
		field = "per-user limit"
	case !s.SaleOpensAt.Before(s.SaleClosesAt):
		field = "sale window"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", ErrInvalid, field)
}

// Refusal says why Quantity tickets cannot be had at a time by who holds some already: ErrSaleNotOpen, ErrSaleClosed,
// ErrLimitExceeded or ErrSoldOut.
func (s Screening) Refusal(quantity, held int64, now time.Time) error {
	switch {
	case now.Before(s.SaleOpensAt):
		return ErrSaleNotOpen
	case s.Archived, !now.Before(s.SaleClosesAt):
		return ErrSaleClosed
	case s.PerUserLimit > 0 && quantity > s.PerUserLimit-held:
		return ErrLimitExceeded
	case quantity > s.Available:
		return ErrSoldOut
	}
	return nil
}
