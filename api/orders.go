package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/order"
	"boxoffice/stock"
)

// getOrder answers one order to its buyer. Another's order is not found, in the same words as one that never was.
func (o *office) getOrder(c echo.Context, caller string) error {
	reservation, err := o.reservation(c, caller)
	if err != nil {
		return err
	}
	view, err := o.overlay(c, reservation)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, appendOrder(make([]byte, 0, answerBytes), view, o.Now()))
}

// listOrders answers the buyer's orders, newest first.
func (o *office) listOrders(c echo.Context, caller string) error {
	cursor, limit, err := pageQuery(c)
	if err != nil {
		return err
	}
	ctx := traced(c)
	reservations, next, err := o.Stock.Reservations(ctx, caller, cursor, limit)
	if err != nil {
		return namedCursor(err)
	}
	views := make([]orderView, 0, len(reservations))
	if len(reservations) > 0 {
		ids := make([]string, len(reservations))
		for i := range reservations {
			ids[i] = reservations[i].ID
		}
		rows, err := o.Orders.Find(ctx, ids...)
		if err != nil {
			return err
		}
		for _, reservation := range reservations {
			views = append(views, viewOf(reservation, rows))
		}
	}
	return answer(c, http.StatusOK, appendList(nil, views, next, o.Now(), appendOrder))
}

// cancelOrder cancels an order that is not paid. Cancelling again answers the same.
func (o *office) cancelOrder(c echo.Context, caller string) error {
	reservation, err := o.reservation(c, caller)
	if err != nil {
		return err
	}
	row, err := o.Orders.Cancel(traced(c), reservation.Order, reservation.State == stock.Held)
	view := viewOfOrder(row)
	switch absent := errors.Is(err, order.ErrOrderAbsent); { // then stock knows how the order ended
	case absent && reservation.State == stock.Sold:
		return order.ErrAlreadyPaid
	case absent:
		view = viewOf(reservation, nil)
	case err != nil:
		return err
	}
	return answer(c, http.StatusOK, appendOrder(make([]byte, 0, answerBytes), view, o.Now()))
}

// reservation finds what the path names among the caller's own reservations.
func (o *office) reservation(c echo.Context, caller string) (stock.Reservation, error) {
	id, err := pathID(c)
	if err != nil {
		return stock.Reservation{}, err
	}
	return o.Stock.Reservation(traced(c), caller, id)
}

func (o *office) overlay(c echo.Context, reservation stock.Reservation) (orderView, error) {
	rows, err := o.Orders.Find(traced(c), reservation.ID)
	if err != nil {
		return orderView{}, err
	}
	return viewOf(reservation, rows), nil
}
