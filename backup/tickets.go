package backup

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/tickets"
)

const (
	followedFor  = 24 * time.Hour // before a backup: longer than a message is delivered again and again
	followedPage = 200
)

// followTickets makes and voids the tickets of orders as their messages would have, which are lost: those that had settled their
// order's reservation, and had not reached its tickets, nobody sends again. There may be no tickets.
func followTickets(ctx context.Context, dataDir string, takenAt time.Time, now func() time.Time) (err error) {
	file := filepath.Join(dataDir, TicketsFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	migrations, err := sql.Tickets()
	if err != nil {
		return err
	}
	orders, err := db.Open(ctx, "sqlite:"+filepath.Join(dataDir, OrderFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, orders.Close()) }()
	d, err := db.Open(ctx, "sqlite:"+file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Migrate(ctx, migrations); err != nil {
		return err
	}
	restored := order.RestoredOrders{DB: orders}
	service := tickets.New(d, tickets.Options{Orders: restored, Now: now, Log: slog.New(slog.DiscardHandler)})
	for last := ""; ; {
		ids, err := restored.SettledSince(ctx, takenAt.Add(-followedFor), last, followedPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		var settled event.Settled
		for _, id := range ids {
			settled.Orders = append(settled.Orders, event.SettledOrder{OrderID: id})
		}
		if err := service.Settle(ctx, settled); err != nil {
			return err
		}
		last = ids[len(ids)-1]
	}
}
