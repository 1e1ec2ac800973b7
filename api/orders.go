package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"boxoffice/order"
	"boxoffice/stock"
)

// getOrder answers one order to its buyer. For another buyer's order the answer is that for an order that does not exist.
func (h *handler) getOrder(c echo.Context, caller string) error {
	reservation, err := pathReservation(c, h.Stock, caller)
	if err != nil {
		return err
	}
	found, err := currentOrder(traced(c), h.Orders, reservation, h.Now)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, found)
}

// listOrders answers the buyer's orders, newest first.
func (h *handler) listOrders(c echo.Context, caller string) error {
	cursor, limit, err := listOfOrders.pageQuery(c)
	if err != nil {
		return err
	}
	ctx := traced(c)
	reservations, next, err := h.Stock.Reservations(ctx, caller, cursor, limit)
	if err != nil {
		return listError(err)
	}
	page := listAnswer[orderAnswer]{Items: make([]orderAnswer, len(reservations)), NextCursor: listOfOrders.cursor(next)}
	if len(reservations) > 0 {
		ids := make([]string, len(reservations))
		for i := range reservations {
			ids[i] = reservations[i].ID
		}
		rows, err := h.Orders.Find(ctx, ids...)
		if err != nil {
			return err
		}
		now := h.Now()
		for i, reservation := range reservations {
			page.Items[i] = answerFrom(seenOrder(reservation, rows), now)
		}
	}
	return answer(c, http.StatusOK, page)
}

// cancelOrder cancels an unpaid order. A repeated cancellation gets the same answer.
func (h *handler) cancelOrder(c echo.Context, caller string) error {
	reservation, err := pathReservation(c, h.Stock, caller)
	if err != nil {
		return err
	}
	ctx, step := h.Tracer.Join(traced(c), reservation.ID, "cancel order")
	row, err := h.Orders.Cancel(ctx, reservation.Order, reservation.State == stock.Held)
	step.End(err)
	switch absent := errors.Is(err, order.ErrOrderAbsent); { // then the reservation knows how the order ended
	case absent && reservation.State == stock.Sold:
		return order.ErrAlreadyPaid
	case absent:
		return answer(c, http.StatusOK, answerFromReservation(reservation, h.Now()))
	case err != nil:
		return err
	}
	if err := h.Payments.OrderEnded(ctx, row.ID); err != nil { // its attempts are then closed some minutes later
		h.Log.WarnContext(ctx, "close the payments of a cancelled order", "order_id", row.ID, "error", err)
	}
	return answer(c, http.StatusOK, answerFromRow(row, h.Now()))
}
