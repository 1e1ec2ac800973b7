package api

import (
	"context"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

// The status of an order as its buyer sees it.
const (
	statusReserved       = "reserved" // the tickets are held, the order service has not created the order yet
	statusPendingPayment = "pending_payment"
	statusPaid           = "paid"
	statusCancelled      = "cancelled"
)

// orderAnswer is an order as its buyer sees it.
type orderAnswer struct {
	ID           string              `json:"id"`
	ScreeningID  string              `json:"screening_id"`
	Quantity     int64               `json:"quantity"`
	Amount       event.Money         `json:"amount"`
	Status       string              `json:"status"`
	CancelReason *order.CancelReason `json:"cancel_reason"` // null unless cancelled
	CreatedAt    string              `json:"created_at"`
	ExpiresAt    string              `json:"expires_at"`
	ServerTime   string              `json:"server_time"`
}

func newOrderAnswer(o event.Order, status string, reason order.CancelReason, now time.Time) orderAnswer {
	return orderAnswer{
		ID: o.ID, ScreeningID: o.ScreeningID, Quantity: o.Quantity, Amount: o.Amount,
		Status: status, CancelReason: nullIfEmpty(reason),
		CreatedAt: formatTime(time.UnixMilli(o.CreatedAt)), ExpiresAt: formatTime(time.UnixMilli(o.ExpiresAt)), ServerTime: formatTime(now),
	}
}

// currentOrder answers where the order of a reservation stands now, which it asks the order service.
func currentOrder(ctx context.Context, orders Orders, r stock.Reservation, now func() time.Time) (orderAnswer, error) {
	rows, err := orders.Find(ctx, r.ID)
	if err != nil {
		return orderAnswer{}, err
	}
	return mergeOrder(r, rows, now()), nil
}

// mergeOrder answers with the order's row if there is one, and with the reservation otherwise: the row decides, and the
// reservation follows it later, by a message.
func mergeOrder(r stock.Reservation, rows map[string]order.Order, now time.Time) orderAnswer {
	if row, exists := rows[r.ID]; exists {
		return answerFromRow(row, now)
	}
	return answerFromReservation(r, now)
}

func answerFromRow(row order.Order, now time.Time) orderAnswer {
	status := statusPendingPayment
	switch row.State {
	case order.Paid:
		status = statusPaid
	case order.Cancelled:
		status = statusCancelled
	}
	return newOrderAnswer(row.Order, status, row.CancelReason, now)
}

func answerFromReservation(r stock.Reservation, now time.Time) orderAnswer {
	switch r.State {
	case stock.Sold:
		return newOrderAnswer(r.Order, statusPaid, "", now)
	case stock.Released:
		return newOrderAnswer(r.Order, statusCancelled, order.CancelReleased, now)
	default:
		return newOrderAnswer(r.Order, statusReserved, "", now)
	}
}
