package stock

import (
	"errors"
	"math"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/keyset"
)

// What a purchase or a change of a screening can be refused for.
var (
	ErrScreeningNotFound = errors.New("screening not found")
	ErrSoldOut           = errors.New("sold out")
	ErrLimitExceeded     = errors.New("limit per buyer exceeded")
	ErrSaleNotOpen       = errors.New("sale has not opened")
	ErrSaleClosed        = errors.New("sale is closed")
	ErrSalePaused        = errors.New("sale is paused")
	ErrCancelled         = errors.New("screening is cancelled")
	ErrBusy              = errors.New("other transactions kept changing the same rows")
	ErrUnavailable       = errors.New("message queue or database is away")
	ErrPriceFixed        = errors.New("tickets have been reserved at the price")
	ErrCapacityTooSmall  = errors.New("capacity is below what is reserved and sold")
	ErrReservationAbsent = errors.New("reservation not found")
	ErrInvalid           = errors.New("value out of range")
)

// The bounds of what this service takes. The columns are wide enough for each.
const (
	NameMax        = 255  // bytes, of a movie or a venue
	DescriptionMax = 4000 // bytes
	URLMax         = 1000 // bytes

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

	OrdersMade   int64 // orders that were made for it and are in the database
	TermsVersion int64 // how often the terms of its sale were changed: what was planned before a change fails after it
	Paused       bool  // nothing is sold until it is resumed
	Cancelled    bool  // nothing is sold any more, and its orders end
	Archived     bool  // its sale is over for good

	Texts // of one that was read for a purchase they are empty
}

// Texts is what a buyer's page shows of a screening beside its title. Each may be empty.
type Texts struct {
	Description string
	PosterURL   string // https
	MapURL      string // https: the way to the venue
}

// SaleFilter picks screenings by their sale.
type SaleFilter int

// The choices. UpcomingSale has those that are open, too.
const (
	AnySale SaleFilter = iota
	UpcomingSale
	ClosedSale
)

// ScreeningChange says what to change; nil leaves a field as it is.
type ScreeningChange struct {
	Movie        *string
	Venue        *string
	StartsAt     *time.Time
	Price        *event.Money // only until the first ticket is reserved
	Capacity     *int64
	SaleOpensAt  *time.Time
	SaleClosesAt *time.Time
	PerUserLimit *int64
	LatePayment  *event.LatePayment
	Paused       *bool
	Description  *string
	PosterURL    *string
	MapURL       *string

	By audit.Act
}

// ReservationState is where a reservation stands.
type ReservationState string

// A reservation leaves Held once, for one of the others, and Sold when the office cancels its order. Released becomes Held
// once more when money comes late for an order that was sold under LateRevive, see Republisher.HandleWanted.
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

// PositionOf is the position of a reservation in a list: by its purchase, and its order's id.
func PositionOf(r Reservation) keyset.Position { return keyset.Position{At: r.CreatedAt, ID: r.ID} }

// Room is how many tickets more a buyer can have who holds some, while so many are promised to others.
func (s Screening) Room(held, promised int64) int64 {
	return min(s.Available-promised, s.leftOfLimit(held))
}

// leftOfLimit is how many tickets more the limit lets a buyer have who holds some.
func (s Screening) leftOfLimit(held int64) int64 {
	if s.PerUserLimit == 0 {
		return math.MaxInt64
	}
	return s.PerUserLimit - held
}

// Refusal says why Quantity tickets cannot be had at a time by who holds some already: ErrCancelled, ErrSaleNotOpen,
// ErrSaleClosed, ErrSalePaused, ErrLimitExceeded or ErrSoldOut.
func (s Screening) Refusal(quantity, held int64, now time.Time) error {
	switch {
	case s.Cancelled:
		return ErrCancelled
	case now.Before(s.SaleOpensAt):
		return ErrSaleNotOpen
	case s.Archived, !now.Before(s.SaleClosesAt):
		return ErrSaleClosed
	case s.Paused:
		return ErrSalePaused
	case quantity > s.leftOfLimit(held):
		return ErrLimitExceeded
	case quantity > s.Available:
		return ErrSoldOut
	}
	return nil
}
