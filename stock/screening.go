package stock

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"boxoffice/common/event"
)

// What a purchase or a change of a screening can be refused for.
var (
	ErrScreeningNotFound = errors.New("screening not found")
	ErrSoldOut           = errors.New("sold out")
	ErrLimitExceeded     = errors.New("limit per buyer exceeded")
	ErrSaleNotOpen       = errors.New("sale has not opened")
	ErrSaleClosed        = errors.New("sale is closed")
	ErrBusy              = errors.New("other transactions kept changing the same rows")
	ErrUnavailable       = errors.New("message queue or database is away")
	ErrCapacityTooSmall  = errors.New("capacity is below what is reserved and sold")
	ErrReservationAbsent = errors.New("reservation not found")
	ErrInvalid           = errors.New("value out of range")
	ErrCursorInvalid     = errors.New("cursor was not given out by this service")
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

// Screening is one showing of a movie at a venue, with its stock. Available + Reserved + Sold = Capacity.
type Screening struct {
	ID           string
	Movie        string
	Venue        string
	StartsAt     time.Time
	Price        event.Money // of one ticket
	Capacity     int64
	Available    int64
	Reserved     int64
	Sold         int64
	SaleOpensAt  time.Time
	SaleClosesAt time.Time
	PerUserLimit int64             // tickets that one buyer may hold; 0 is no limit
	LatePayment  event.LatePayment // LateRefund or LateRevive, for orders that are sold from now on

	Sales        int64 // orders that were made for it and are in the database
	LimitChanges int64 // how often PerUserLimit was changed: what was planned before a change fails after it
	Archived     bool  // its sale is over for good
}

// Sales picks screenings by their sale.
type Sales int

// The choices. A sale that is to open is upcoming, as one that is open.
const (
	AllSales Sales = iota
	UpcomingSales
	ClosedSales
)

// ScreeningChange says what to change; nil leaves a field as it is.
type ScreeningChange struct {
	Capacity     *int64
	SaleOpensAt  *time.Time
	SaleClosesAt *time.Time
	PerUserLimit *int64
	LatePayment  *event.LatePayment
}

// ReservationState is where a reservation stands.
type ReservationState string

// A reservation leaves Held once, for one of the others, and Sold when the office cancels its order. Released becomes Held
// once more when money comes late for an order that was sold under LateRevive, see Publisher.Revive.
const (
	Held     ReservationState = "reserved"
	Sold     ReservationState = "sold"
	Released ReservationState = "released"
)

// Reservation is the tickets that stock holds for one order.
type Reservation struct {
	event.Order
	State ReservationState
}

// IsBuyerID tells whether a buyer can have this id.
func IsBuyerID(id string) bool { return isText(id, BuyerIDMax) }

// IsScreeningID tells whether a screening can have this id.
func IsScreeningID(id string) bool { return isText(id, ScreeningIDMax) }

// isText keeps out what a database would refuse.
func isText(s string, bytesMax int) bool { return s != "" && len(s) <= bytesMax && utf8.ValidString(s) }

func isCapacity(n int64) bool { return n >= 1 && n <= CapacityMax }

// isLimit tells whether a screening can have this limit per buyer; 0 is no limit.
func isLimit(n int64) bool { return n >= 0 && n <= CapacityMax }

// isLatePayment tells whether a screening can have this policy.
func isLatePayment(p event.LatePayment) bool { return p == event.LateRefund || p == event.LateRevive }

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
	case !isCapacity(s.Capacity):
		field = "capacity"
	case !isLimit(s.PerUserLimit):
		field = "per-user limit"
	case !isLatePayment(s.LatePayment):
		field = "late payment"
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
