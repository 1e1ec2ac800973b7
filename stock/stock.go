// Package stock owns screenings, their stock and the reservations of it. It sells: a purchase goes out as a half
// message, the listener reserves in one local SQL transaction, and what happens to the order later settles the
// reservation.
package stock

import (
	"errors"
	"time"

	"boxoffice/common/event"
)

// What a purchase or a change of a screening can be refused for.
var (
	ErrScreeningNotFound = errors.New("screening not found")
	ErrSoldOut           = errors.New("sold out")
	ErrLimitExceeded     = errors.New("limit per buyer exceeded")
	ErrSaleNotOpen       = errors.New("sale has not opened")
	ErrSaleClosed        = errors.New("sale is closed")
	ErrKeyReused         = errors.New("idempotency key was used for another purchase")
	ErrBusy              = errors.New("too many purchases in flight")
	ErrUnavailable       = errors.New("message queue or database is away")
	ErrCapacityTooSmall  = errors.New("capacity is below what is reserved and sold")
	ErrReservationAbsent = errors.New("reservation not found")
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
	PerUserLimit int64 // tickets that one buyer may hold; 0 is no limit
}

// ScreeningChange says what to change; nil leaves a field as it is.
type ScreeningChange struct {
	Capacity     *int64
	SaleOpensAt  *time.Time
	SaleClosesAt *time.Time
}

// PurchaseRequest asks for Quantity tickets. The same (BuyerID, Key) is the same order, however often it is sent.
type PurchaseRequest struct {
	BuyerID     string
	Key         string
	ScreeningID string
	Quantity    int64
}

// ReservationState is where a reservation stands.
type ReservationState string

// A reservation leaves Held once, for one of the others.
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
