package api

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

// The answers are appended by hand: reflection would be the largest part of a purchase's time on this side. The tests
// hold every answer against openapi.yaml.

// The states of an order as a caller sees them.
const (
	statusReserved       = "reserved"
	statusPendingPayment = "pending_payment"
	statusPaid           = "paid"
	statusCancelled      = "cancelled"
)

// orderView is an order as its buyer sees it: the reservation, overlaid by the order row once there is one.
type orderView struct {
	event.Order
	status       string
	cancelReason order.CancelReason
}

// viewOf overlays a reservation with its order row: the row is the arbiter, and the reservation follows it by a message.
func viewOf(r stock.Reservation, rows map[string]order.Order) orderView {
	if row, there := rows[r.ID]; there {
		return viewOfOrder(row)
	}
	switch r.State {
	case stock.Sold:
		return orderView{Order: r.Order, status: statusPaid}
	case stock.Released:
		return orderView{Order: r.Order, status: statusCancelled, cancelReason: order.CancelUnpaid}
	default:
		return orderView{Order: r.Order, status: statusReserved}
	}
}

func viewOfOrder(row order.Order) orderView {
	view := orderView{Order: row.Order, cancelReason: row.CancelReason}
	switch row.State {
	case order.Paid:
		view.status = statusPaid
	case order.Cancelled:
		view.status = statusCancelled
	default:
		view.status = statusPendingPayment
	}
	return view
}

func appendOrder(b []byte, v orderView, now time.Time) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, v.ID)
	b = append(b, `,"screening_id":`...)
	b = appendString(b, v.ScreeningID)
	b = append(b, `,"quantity":`...)
	b = strconv.AppendInt(b, v.Quantity, 10)
	b = append(b, `,"amount":`...)
	b = appendMoney(b, v.Amount)
	b = append(b, `,"status":"`...)
	b = append(b, v.status...)
	b = append(b, `","cancel_reason":`...)
	if v.cancelReason == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, string(v.cancelReason))
	}
	b = append(b, `,"created_at":`...)
	b = appendTime(b, time.UnixMilli(v.CreatedAt))
	b = append(b, `,"expires_at":`...)
	b = appendTime(b, time.UnixMilli(v.ExpiresAt))
	b = append(b, `,"server_time":`...)
	b = appendTime(b, now)
	return append(b, '}')
}

func appendScreening(b []byte, s stock.Screening, now time.Time) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, s.ID)
	b = append(b, `,"movie":`...)
	b = appendString(b, s.Movie)
	b = append(b, `,"venue":`...)
	b = appendString(b, s.Venue)
	b = append(b, `,"starts_at":`...)
	b = appendTime(b, s.StartsAt)
	b = append(b, `,"price":`...)
	b = appendMoney(b, s.Price)
	b = append(b, `,"capacity":`...)
	b = strconv.AppendInt(b, s.Capacity, 10)
	b = append(b, `,"available":`...)
	b = strconv.AppendInt(b, s.Available, 10)
	b = append(b, `,"sale_opens_at":`...)
	b = appendTime(b, s.SaleOpensAt)
	b = append(b, `,"sale_closes_at":`...)
	b = appendTime(b, s.SaleClosesAt)
	b = append(b, `,"per_user_limit":`...)
	b = strconv.AppendInt(b, s.PerUserLimit, 10)
	b = append(b, `,"server_time":`...)
	b = appendTime(b, now)
	return append(b, '}')
}

// appendList encodes one page; next is "" on the last one.
func appendList[T any](b []byte, items []T, next string, now time.Time, appendItem func([]byte, T, time.Time) []byte) []byte {
	b = append(b, `{"items":[`...)
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendItem(b, item, now)
	}
	b = append(b, `],"next_cursor":`...)
	if next == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, next)
	}
	return append(b, '}')
}

func appendMoney(b []byte, m event.Money) []byte {
	b = append(b, `{"amount":`...)
	b = strconv.AppendInt(b, m.Amount, 10)
	b = append(b, `,"currency":`...)
	b = appendString(b, m.Currency)
	return append(b, '}')
}

// appendTime writes RFC 3339 in UTC with milliseconds.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	return append(b, '"')
}

// appendString writes a JSON string. Most of ours need no escape; the others go to encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // no string is without JSON form
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// answer writes an encoded JSON answer.
func answer(c echo.Context, status int, body []byte) error {
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}
