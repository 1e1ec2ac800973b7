package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"boxoffice/archive"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/stock"
)

const (
	yearDays    = 365 // a screening each
	archiveAge  = 30 * 24 * time.Hour
	archivedAgo = 2 * archiveAge
	soldAtOnce  = 500
)

// prefillArchived fills a directory with a year of paid orders and archives them.
func (b *bench) prefillArchived(ctx context.Context, dir string, n int) error {
	f := &fixture{home: embeddedHome(b.log), dir: dir}
	return errors.Join(b.prefillAndArchive(ctx, f, n/yearDays), f.close())
}

func (b *bench) prefillAndArchive(ctx context.Context, f *fixture, ofDay int) error {
	stockDB, err := f.database(ctx, "stock", sql.Stock)
	if err != nil {
		return err
	}
	orderDB, err := f.database(ctx, "order", sql.Order)
	if err != nil {
		return err
	}
	s := stock.New(stockDB, stock.Options{Log: b.log})
	orders := order.New(ctx, orderDB, nil, order.Options{Now: time.Now, Log: b.log, MaxBatch: maxBatch}) // sends nothing
	defer orders.Close()
	for day := range yearDays {
		if err := prefillDay(ctx, s, stockDB, orderDB, day, ofDay); err != nil {
			return err
		}
	}
	began := time.Now()
	archiver := archive.New(s, orders, archive.Options{
		Dir: filepath.Join(f.dir, "archive"), Now: time.Now, Log: b.log, Ready: func(context.Context) error { return nil },
	})
	archived, err := archiver.Run(ctx, archiveAge)
	if err == nil && archived != yearDays {
		err = fmt.Errorf("%d screenings are archived, want %d", archived, yearDays)
	}
	b.log.Info("archived a year", "orders", yearDays*ofDay, "seconds", time.Since(began).Seconds())
	return err
}

// prefillDay makes a screening that is over, and n orders of it that are paid.
func prefillDay(ctx context.Context, s *stock.Stock, stockDB, orderDB *db.DB, day, n int) error {
	id, over := "day-"+strconv.Itoa(day), time.Now().Add(-archivedAgo)
	if _, err := s.AddScreening(ctx, stock.Screening{
		ID: id, Movie: "Metropolis", Venue: "Rex", StartsAt: over, Price: event.Money{Amount: ticketPrice, Currency: currency},
		Capacity: int64(n), SaleOpensAt: over.Add(-time.Hour), SaleClosesAt: over,
	}); err != nil {
		return err
	}
	for _, table := range []struct {
		db   *db.DB
		rows rowsOf
	}{{stockDB, reservationsAs(string(stock.Sold))}, {orderDB, ordersAs("PAID")}, {orderDB, appliedPayments()}} {
		for from := 0; from < n; from += soldAtOnce { // as a sale does it, a list of purchases in a millisecond
			at := over.Add(time.Duration(from/soldAtOnce) * time.Millisecond)
			if err := table.rows.writePart(ctx, table.db, day*n+from, min(soldAtOnce, n-from), yearDays*n, id, at); err != nil {
				return err
			}
		}
	}
	return stockDB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE stock SET available = 0, sold = capacity, sales = capacity WHERE screening_id = ?`, id)
		return err
	})
}
