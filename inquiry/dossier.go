package inquiry

import (
	"context"
	"errors"
	"time"

	"boxoffice/archive"
	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/notify"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/stock"
	"boxoffice/tickets"
)

// furtherTimeout bounds what is read of mail and SMS, and of the tickets: without it an order is explained all the same.
const furtherTimeout = 2 * time.Second

// Dossier is all that is known of one order. Its reservation is there before its row, and a payment can be there before
// both.
type Dossier struct {
	OrderID     string
	Reservation *stock.Details // nil when there is none
	Order       *order.Details // nil when there is none
	Attempts    []payment.AttemptInfo
	Payments    []order.Received
	Reused      []order.Claim // payments that came with the id of another one
	Refunds     []payment.RefundInfo
	Acts        []audit.Recorded // of operators, on the order, its money, what its buyer was told, and that cancelled its screening
	Tickets     tickets.History
	TicketsAway bool // they could not be read

	Notifications []notify.Notification // what its buyer was told of it, and will be
	MailAway      bool                  // that could not be read
	File          string                // of the archive, which has the order; empty for one that is in the databases
}

// Found is the order in short; with neither reservation nor order it has the id alone.
func (d Dossier) Found() Found {
	var reservation *stock.Reservation
	if d.Reservation != nil {
		reservation = &d.Reservation.Reservation
	}
	found := newFound(reservation, d.Order)
	found.ID = d.OrderID
	return found
}

// Dossier reads all that is known of an order. It fails with ErrOrderAbsent, or with ArchivedError for an order that may
// be in a file that cannot be looked through.
func (d *Desk) Dossier(ctx context.Context, orderID string) (Dossier, error) {
	dossier := Dossier{OrderID: orderID}
	reservation, err := d.stock.Details(ctx, orderID) // before the row, which it follows
	switch {
	case err == nil:
		dossier.Reservation = &reservation
	case !errors.Is(err, stock.ErrReservationAbsent):
		return Dossier{}, err
	}
	rows, err := d.orders.Details(ctx, orderID)
	if err != nil {
		return Dossier{}, err
	}
	dossier.Order = pointer(rows, orderID)
	if err := d.readMoney(ctx, &dossier); err != nil {
		return Dossier{}, err
	}
	if dossier.Reservation == nil && dossier.Order == nil {
		file, found, err := d.readArchive(ctx, orderID)
		if err == nil {
			dossier.fill(file, found)
		}
		if errors.Is(err, ErrOrderAbsent) && len(dossier.Payments) > 0 {
			err = nil // money for an order that never was
		}
		if err != nil {
			return Dossier{}, err
		}
	}
	if err := d.readActs(ctx, &dossier); err != nil {
		return Dossier{}, err
	}
	d.readNotifications(ctx, &dossier)
	d.readTickets(ctx, &dossier)
	return dossier, nil
}

// readMoney reads the payments of an order, and what came before and after them.
func (d *Desk) readMoney(ctx context.Context, dossier *Dossier) (err error) {
	if dossier.Attempts, err = d.payments.AttemptsOf(ctx, dossier.OrderID); err != nil {
		return err
	}
	if dossier.Payments, err = d.orders.PaymentsFor(ctx, dossier.OrderID); err != nil {
		return err
	}
	if dossier.Reused, err = d.orders.ReusedFor(ctx, dossier.OrderID); err != nil {
		return err
	}
	dossier.Refunds, err = d.payments.RefundsOf(ctx, dossier.OrderID)
	return err
}

// readActs reads what operators have done to the order and its money.
func (d *Desk) readActs(ctx context.Context, dossier *Dossier) (err error) {
	subjects := []string{dossier.OrderID}
	for _, p := range dossier.Payments {
		subjects = append(subjects, p.ID)
	}
	for _, r := range dossier.Refunds {
		subjects = append(subjects, r.ID)
	}
	if dossier.Acts, err = d.orders.ActsOn(ctx, subjects...); err != nil {
		return err
	}
	return d.readCancellation(ctx, dossier)
}

// readCancellation reads who cancelled the screening of an order that the office cancelled after that: the act is on the
// screening, and ended each of its orders.
func (d *Desk) readCancellation(ctx context.Context, dossier *Dossier) error {
	o := dossier.Order
	if o == nil || o.CancelReason != order.CancelByOffice {
		return nil
	}
	acts, err := d.stock.Acts(ctx, audit.Filter{Subject: o.ScreeningID, What: stock.ActCancelScreening}, 1)
	if err != nil {
		return err
	}
	for _, act := range acts {
		if !act.At.After(o.SettledAt) {
			dossier.Acts = append(dossier.Acts, act)
		}
	}
	return nil
}

// readTickets reads what happened to the tickets of an order. As without mail, the dossier says when it could not.
func (d *Desk) readTickets(ctx context.Context, dossier *Dossier) {
	if d.tickets == nil || dossier.Order == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, furtherTimeout)
	defer cancel()
	found, err := d.tickets.HistoryOf(ctx, dossier.OrderID, dossier.Order.ScreeningID)
	dossier.Tickets, dossier.TicketsAway = found, err != nil
}

// readNotifications reads what the buyer of an order was told, and what operators did to that. A database that does not answer
// leaves it out, and the dossier says so.
func (d *Desk) readNotifications(ctx context.Context, dossier *Dossier) {
	if d.notifications == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, furtherTimeout)
	defer cancel()
	found, err := d.notifications.OfOrder(ctx, dossier.OrderID)
	var acts []audit.Recorded
	if err == nil {
		ids := make([]string, len(found))
		for i, n := range found {
			ids[i] = n.ID
		}
		acts, err = d.notifications.ActsOn(ctx, ids...)
	}
	dossier.Notifications, dossier.MailAway = found, err != nil
	dossier.Acts = append(dossier.Acts, acts...)
}

// fill adds what a file has of the order. The payments that paid it are in the file, the others in the database.
func (d *Dossier) fill(a stock.Archive, found archive.Found) {
	r := found.Reservation
	bought := event.Order{
		ID: r.OrderID, ScreeningID: a.ScreeningID, BuyerID: r.BuyerID, Quantity: r.Quantity,
		Amount: event.Money{Amount: r.Amount, Currency: r.Currency}, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
		LatePayment: r.LatePayment,
	}
	d.File = a.File
	d.Reservation = &stock.Details{
		Reservation: stock.Reservation{Order: bought, State: r.State}, RequestID: r.RequestID, SettledAt: order.TimeOf(r.SettledAt),
	}
	bought.ExpiresAt, bought.LatePayment = found.Order.ExpiresAt, found.Order.LatePayment
	d.Order = &order.Details{
		Order:      order.Order{Order: bought, State: found.Order.State, CancelReason: found.Order.CancelReason},
		RecordedAt: order.TimeOf(found.Order.RecordedAt), SettledAt: order.TimeOf(found.Order.SettledAt),
	}
	for _, p := range found.Payments {
		d.Payments = append(d.Payments, order.Received{
			Payment: order.Payment{
				ID: p.ID, Provider: p.Provider, OrderID: r.OrderID, WebhookID: p.WebhookID,
				Amount: event.Money{Amount: p.Amount, Currency: p.Currency},
			},
			Result: order.Applied, ReceivedAt: order.TimeOf(p.ReceivedAt),
		})
	}
}
