package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"boxoffice/common/mq"
	"boxoffice/sql"
	"boxoffice/stock"
)

// How much is there already in the two slots of a comparison.
const (
	rowsFew       = 10_000
	rowsMany      = 10_000_000
	rowsManyQuick = 1_000_000

	pendingFew       = 1_000
	pendingMany      = 1_000_000
	pendingManyQuick = 100_000

	lastLevel mq.DelayLevel = 18 // two hours: it does not end while we measure
)

func (b *bench) rowsMany() int {
	if b.quick {
		return rowsManyQuick
	}
	return rowsMany
}

func (b *bench) pendingMany() int {
	if b.quick {
		return pendingManyQuick
	}
	return pendingMany
}

// grown is a directory of data that is filled once and used in every round: what one round adds is little beside it.
func (b *bench) grown(what string, n int) string {
	return filepath.Join(b.root, what+"-"+strconv.Itoa(n))
}

// grow fills what the slots of the group growth stand on, with the embedded broker and SQLite.
func (b *bench) grow(ctx context.Context) error {
	for _, n := range []int{rowsFew, b.rowsMany()} {
		if err := b.growRows(ctx, b.grown("rows", n), n); err != nil {
			return fmt.Errorf("fill tables with %d rows: %w", n, err)
		}
	}
	for _, n := range []int{pendingFew, b.pendingMany()} {
		if err := b.growPending(ctx, b.grown("pending", n), n); err != nil {
			return fmt.Errorf("send %d delay messages: %w", n, err)
		}
	}
	return nil
}

// growRows fills reservations and orders with those of past screenings.
func (b *bench) growRows(ctx context.Context, dir string, n int) error {
	r := &rig{home: embeddedHome(b.log), dir: dir}
	err := r.fillPast(ctx, n)
	return errors.Join(err, r.close())
}

func (r *rig) fillPast(ctx context.Context, n int) error {
	stockDB, err := r.database(ctx, "stock", sql.Stock)
	if err != nil {
		return err
	}
	orderDB, err := r.database(ctx, "order", sql.Order)
	if err != nil {
		return err
	}
	then := time.Now().Add(-farWindow)
	if err := reservationsAs(string(stock.Sold)).write(ctx, stockDB, n, "past", then); err != nil {
		return err
	}
	return ordersAs("PAID").write(ctx, orderDB, n, "past", then)
}

// growPending leaves delay messages with the broker of that directory.
func (b *bench) growPending(ctx context.Context, dir string, n int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return b.onDir(ctx, embeddedHome(b.log), dir, func(r *rig) error {
		return sendEach(ctx, r, filled(0, n, n, "past", time.Now().Add(farWindow)), lastLevel)
	})
}

// grownSlot sells on data that has grown.
func (b *bench) grownSlot(what string, n func() int, name string) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		var got sold
		err := b.onDir(ctx, embeddedHome(b.log), b.grown(what, n()), func(r *rig) error {
			s, err := b.openOurs(ctx, r)
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			got, err = sell(ctx, s, buyersDefault, b.slot)
			return err
		})
		if err != nil {
			return nil, err
		}
		return got.figures(name), nil
	}
}
