// Package inquiry finds orders and explains them: what stock, the order service and the payments have of an order stands in
// two databases, and what is over in a file of the archive. It reads all of it, and changes nothing.
package inquiry

import (
	"context"
	"errors"
	"sync"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// What an inquiry can be refused for.
var (
	ErrOrderAbsent = errors.New("there is no such order")
	ErrBusy        = errors.New("too many exports at once")
	ErrClosed      = errors.New("the office stops")
)

// exportsMax is how many exports run at once: each reads through both databases as fast as it can.
const exportsMax = 2

// ArchivedError says that an order is in none of the databases and may be in these files, which are too large to be read
// through, or are on another machine.
type ArchivedError struct{ Files []string }

// Error says so to whoever reads the log.
func (e ArchivedError) Error() string { return "the order may be in the archive" }

// Queue is what is called of the message queue: it has the message of a purchase for some days.
type Queue interface {
	FindMessage(ctx context.Context, topic string, from, until time.Time, limit int, matches func([]byte) bool) (mq.Stored, bool, error)
}

// Notifications is what is called of mail and SMS.
type Notifications interface {
	OfOrder(ctx context.Context, orderID string) ([]notify.Notification, error)
	ActsOn(ctx context.Context, ids ...string) ([]audit.Recorded, error)
}

// Tickets is what is called of the service of tickets.
type Tickets interface {
	HistoryOf(ctx context.Context, orderID, screeningID string) (tickets.History, error)
}

// Desk answers inquiries. It may be used concurrently.
type Desk struct {
	stock    *stock.Stock
	orders   *order.Orders
	payments *payment.Service
	queue    Queue

	notifications Notifications // nil: nobody is told
	tickets       Tickets       // nil: there are none

	exports chan struct{} // holds one for each that runs
	closed  chan struct{}
	closing sync.Once
}

// NewDesk returns a desk over the services of an office and its message queue. Without mail and SMS, n is nil; without
// tickets, t.
func NewDesk(s *stock.Stock, o *order.Orders, p *payment.Service, q Queue, n Notifications, t Tickets) *Desk {
	return &Desk{
		stock: s, orders: o, payments: p, queue: q, notifications: n, tickets: t,
		exports: make(chan struct{}, exportsMax), closed: make(chan struct{}),
	}
}

// Close ends the exports that run: an office that stops does not wait for them. It is idempotent.
func (d *Desk) Close() { d.closing.Do(func() { close(d.closed) }) }

// Status is where an order stands, as its buyer sees it too.
type Status string

// The statuses. A reserved order is not created yet: its tickets are held, and its message is on the way.
const (
	Reserved       Status = "reserved"
	PendingPayment Status = "pending_payment"
	Paid           Status = "paid"
	Cancelled      Status = "cancelled"
)

// Statuses lists every status.
func Statuses() []Status { return []Status{Reserved, PendingPayment, Paid, Cancelled} }

// StatusOf is the status of an order whose row exists.
func StatusOf(state order.State) Status {
	switch state {
	case order.Paid:
		return Paid
	case order.Cancelled:
		return Cancelled
	default:
		return PendingPayment
	}
}

// StatusOfTickets is the status of an order whose row does not exist, by its reservation alone, with the reason why it is
// cancelled.
func StatusOfTickets(state stock.ReservationState) (Status, order.CancelReason) {
	switch state {
	case stock.Sold:
		return Paid, ""
	case stock.Released:
		return Cancelled, order.CancelReleased
	default:
		return Reserved, ""
	}
}

// Found is an order in short.
type Found struct {
	event.Order
	Status       Status
	CancelReason order.CancelReason
	Tickets      stock.ReservationState // of its reservation; empty when there is none
	SettledAt    time.Time              // when it became paid or cancelled; zero before, and without a row
}

// newFound puts a reservation and an order's row together, either of which may be missing. The row decides, and the
// reservation follows it later, by a message.
func newFound(reservation *stock.Reservation, row *order.Details) Found {
	var f Found
	if reservation != nil {
		f.Order, f.Tickets = reservation.Order, reservation.State
		f.Status, f.CancelReason = StatusOfTickets(reservation.State)
	}
	if row != nil {
		f.Order, f.Status, f.CancelReason, f.SettledAt = row.Order.Order, StatusOf(row.State), row.CancelReason, row.SettledAt
	}
	return f
}

// pointer points to what a map has for a key; nil when it has nothing.
func pointer[V any](m map[string]V, key string) *V {
	if v, exists := m[key]; exists {
		return &v
	}
	return nil
}
