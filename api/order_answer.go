package api

import (
	"context"
	"time"

	"boxoffice/common/event"
	"boxoffice/inquiry"
	"boxoffice/live"
	"boxoffice/order"
	"boxoffice/stock"
)

// orderAnswer is an order as its buyer sees it.
type orderAnswer struct {
	ID           string              `json:"id"`
	ScreeningID  string              `json:"screening_id"`
	Quantity     int64               `json:"quantity"`
	Amount       event.Money         `json:"amount"`
	Status       inquiry.Status      `json:"status"`
	CancelReason *order.CancelReason `json:"cancel_reason"` // null unless cancelled
	CreatedAt    string              `json:"created_at"`
	ExpiresAt    string              `json:"expires_at"`
	ServerTime   string              `json:"server_time"`
}

func newOrderAnswer(o event.Order, status inquiry.Status, reason order.CancelReason, now time.Time) orderAnswer {
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
	return answerFrom(seenOrder(r, rows), now()), nil
}

// seenOrder is the order of a reservation, with its row if that is among these.
func seenOrder(r stock.Reservation, rows map[string]order.Order) live.Order {
	row, exists := rows[r.ID]
	return live.Order{Reserved: r, Row: row, Exists: exists}
}

// answerFrom answers with the order's row if there is one, and with the reservation otherwise: the row decides, and the
// reservation follows it later, by a message.
func answerFrom(o live.Order, now time.Time) orderAnswer {
	if o.Exists {
		return answerFromRow(o.Row, now)
	}
	return answerFromReservation(o.Reserved, now)
}

func answerFromRow(row order.Order, now time.Time) orderAnswer {
	return newOrderAnswer(row.Order, inquiry.StatusOf(row.State), row.CancelReason, now)
}

func answerFromReservation(r stock.Reservation, now time.Time) orderAnswer {
	status, reason := inquiry.StatusOfTickets(r.State)
	return newOrderAnswer(r.Order, status, reason, now)
}
