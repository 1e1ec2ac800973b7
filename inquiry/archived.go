package inquiry

import (
	"context"
	"errors"
	"time"

	"boxoffice/archive"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/stock"
)

const (
	filesMax      = 20      // that may have an order and are told of
	readOrdersMax = 200_000 // in the files that are read through for one order: some seconds
)

// readArchive looks for an order in the files of the archive that may have it by the time in its id. It fails with
// ErrOrderAbsent when none has it, and with ArchivedError when one of them was not read.
func (d *Desk) readArchive(ctx context.Context, dossier *Dossier) error {
	made, err := stock.TimeOf(dossier.OrderID)
	if err != nil {
		return ErrOrderAbsent
	}
	archives, err := d.stock.ArchivesOf(ctx, made, filesMax)
	if err != nil {
		return err
	}
	var unread ArchivedError
	left := int64(readOrdersMax)
	for _, a := range archives {
		if left -= a.Sums.Orders; left < 0 {
			unread.Files = append(unread.Files, a.File)
			continue
		}
		found, err := archive.FindOrder(ctx, a.File, dossier.OrderID)
		switch {
		case err == nil:
			dossier.fill(a, found)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, archive.ErrOrderNotInFile): // it is on another machine, or damaged
			unread.Files = append(unread.Files, a.File)
		}
	}
	if len(unread.Files) > 0 {
		return unread
	}
	return ErrOrderAbsent
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
		Reservation: stock.Reservation{Order: bought, State: r.State}, RequestID: r.RequestID, SettledAt: timeOf(r.SettledAt),
	}
	bought.ExpiresAt, bought.LatePayment = found.Order.ExpiresAt, found.Order.LatePayment
	d.Order = &order.Details{
		Order:      order.Order{Order: bought, State: found.Order.State, CancelReason: found.Order.CancelReason},
		RecordedAt: timeOf(found.Order.RecordedAt), SettledAt: timeOf(found.Order.SettledAt),
	}
	for _, p := range found.Payments {
		d.Payments = append(d.Payments, order.Received{
			Payment: order.Payment{
				ID: p.ID, Provider: p.Provider, OrderID: r.OrderID, WebhookID: p.WebhookID,
				Amount: event.Money{Amount: p.Amount, Currency: p.Currency},
			},
			Result: order.Applied, ReceivedAt: timeOf(p.ReceivedAt),
		})
	}
}

// timeOf is the time of Unix milliseconds, of which 0 stands for none.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
