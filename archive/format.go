package archive

import (
	"errors"
	"fmt"
	"time"

	"boxoffice/order"
	"boxoffice/stock"
)

// fileVersion is the version of the format. A file is one screening: a line for the screening, then a line for each
// order, then a line for each holding, and at last a line with their totals.
const fileVersion = 1

// ErrDamaged says that the content of an archive's file is not what was written.
var ErrDamaged = errors.New("archive file is damaged or not complete")

// line is one line of a file. Exactly one of its fields is set.
type line struct {
	Screening *screeningLine         `json:"screening,omitempty"`
	Order     *orderLine             `json:"order,omitempty"`
	Holding   *stock.ArchivedHolding `json:"holding,omitempty"`
	End       *endLine               `json:"end,omitempty"`
}

type screeningLine struct {
	Version      int       `json:"version"`
	ID           string    `json:"id"`
	Movie        string    `json:"movie"`
	Venue        string    `json:"venue"`
	StartsAt     time.Time `json:"starts_at"`
	Price        int64     `json:"price"` // minor units
	Currency     string    `json:"currency"`
	Capacity     int64     `json:"capacity"`
	Sold         int64     `json:"sold"`
	SaleOpensAt  time.Time `json:"sale_opens_at"`
	SaleClosesAt time.Time `json:"sale_closes_at"`
	PerUserLimit int64     `json:"per_user_limit"`
}

// orderLine is an order with its reservation and its payments, so that a search for its id finds all of it in one line.
type orderLine struct {
	Reservation stock.ArchivedReservation `json:"reservation"`
	order.Record
}

// endLine is the totals of a file.
type endLine struct {
	Sums     stock.ArchiveSums `json:"sums"`
	Holdings int64             `json:"holdings"`
}

// count adds a line to the totals.
func (e *endLine) count(l line) {
	switch {
	case l.Holding != nil:
		e.Holdings++
	case l.Order != nil:
		e.Sums.Orders++
		if l.Order.Reservation.State == stock.Sold {
			e.Sums.PaidOrders++
			e.Sums.TicketsSold += l.Order.Reservation.Quantity
			e.Sums.AmountPaid += l.Order.Reservation.Amount
		}
	}
}

// check refuses a line, other than the first, that does not have exactly one field, or that has an order of another
// screening or with parts that do not agree.
func (l line) check(screeningID string) error {
	fields := 0
	for _, set := range []bool{l.Screening != nil, l.Order != nil, l.Holding != nil, l.End != nil} {
		if set {
			fields++
		}
	}
	switch {
	case fields != 1 || l.Screening != nil:
		return errors.New("it is not one order, holding or end")
	case l.Order != nil && (l.Order.Order.ScreeningID != screeningID || !agree(l.Order.Reservation, l.Order.Order)):
		return fmt.Errorf("the parts of order %s do not agree", l.Order.Reservation.OrderID)
	}
	return nil
}

// agree tells whether a reservation and its order are final, and say the same.
func agree(r stock.ArchivedReservation, o order.RecordedOrder) bool {
	return r.OrderID == o.ID && r.BuyerID == o.BuyerID && r.Quantity == o.Quantity && r.Amount == o.Amount && r.Currency == o.Currency &&
		(r.State == stock.Sold && o.State == order.Paid || r.State == stock.Released && o.State == order.Cancelled)
}

// split separates order lines into the parts that belong to the two databases.
func split(lines []orderLine) ([]order.Record, []stock.ArchivedReservation) {
	records := make([]order.Record, len(lines))
	reservations := make([]stock.ArchivedReservation, len(lines))
	for i, l := range lines {
		records[i], reservations[i] = l.Record, l.Reservation
	}
	return records, reservations
}
