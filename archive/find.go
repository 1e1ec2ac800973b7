package archive

import (
	"context"
	"errors"

	"boxoffice/order"
	"boxoffice/stock"
)

// ErrOrderNotInFile says that a file was read to its end and does not have the order.
var ErrOrderNotInFile = errors.New("the archive file does not have this order")

// errFound ends the reading of a file at the order that is looked for.
var errFound = errors.New("found")

// Found is an order as a file has it.
type Found struct {
	Reservation stock.ArchivedReservation
	order.Record
}

// FindOrder reads a file until it comes to an order. It fails with ErrOrderNotInFile when the file ends before.
func FindOrder(ctx context.Context, path, orderID string) (Found, error) {
	var found Found
	_, err := readFile(path, func(l line) error {
		if l.Order != nil && l.Order.Reservation.OrderID == orderID {
			found = Found{l.Order.Reservation, l.Order.Record}
			return errFound
		}
		return ctx.Err()
	})
	switch {
	case errors.Is(err, errFound):
		return found, nil
	case err == nil:
		return Found{}, ErrOrderNotInFile
	}
	return Found{}, err
}
