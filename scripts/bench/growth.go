package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"boxoffice/common/mq"
	"boxoffice/sql"
	"boxoffice/stock"
)

// How many rows, or pending timeouts, are there already in the measurements that are compared.
const (
	rowsFew       = 10_000
	rowsMany      = 10_000_000
	rowsManyQuick = 1_000_000

	pendingFew       = 1_000
	pendingMany      = 1_000_000
	pendingManyQuick = 100_000

	lastLevel mq.DelayLevel = 18 // two hours: it does not end while orders are measured
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

// prefilledDir is the directory of a measurement on much data. It is filled once and used in every round: what one round
// adds is little beside it.
func (b *bench) prefilledDir(measurement string) string {
	return filepath.Join(b.root, "prefilled-"+measurement)
}

// prefillRows fills the tables with reservations and orders of past screenings.
func (b *bench) prefillRows(ctx context.Context, dir string, n int) error {
	f := &fixture{home: embeddedHome(b.log), dir: dir}
	return errors.Join(f.prefillPast(ctx, n), f.close())
}

func (f *fixture) prefillPast(ctx context.Context, n int) error {
	stockDB, err := f.database(ctx, "stock", sql.Stock)
	if err != nil {
		return err
	}
	orderDB, err := f.database(ctx, "order", sql.Order)
	if err != nil {
		return err
	}
	then := time.Now().Add(-longWindow)
	if err := reservationsAs(string(stock.Sold)).write(ctx, stockDB, n, "past", then); err != nil {
		return err
	}
	return ordersAs("PAID").write(ctx, orderDB, n, "past", then)
}

// prefillPending leaves delay messages with the broker of that directory.
func (b *bench) prefillPending(ctx context.Context, dir string, n int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	_, err := onFixtureIn(ctx, embeddedHome(b.log), dir, func(f *fixture) (figures, error) {
		return nil, sendDelays(ctx, f, prefilled(0, n, n, "past", time.Now().Add(longWindow)), lastLevel)
	})
	return err
}

// throughputOnFew measures the box office on fresh data of which there is little.
func (b *bench) throughputOnFew(prefill func(ctx context.Context, dir string, n int) error, n int) measureFunc {
	return func(ctx context.Context) (result figures, err error) {
		err = b.inNewDir(func(dir string) error {
			if err := prefill(ctx, dir, n); err != nil {
				return fmt.Errorf("fill: %w", err)
			}
			result, err = b.sellIn(ctx, dir)
			return err
		})
		return result, err
	}
}

// throughputOnMany measures the box office on data of which there is much.
func (b *bench) throughputOnMany(measurement string) measureFunc {
	return func(ctx context.Context) (figures, error) { return b.sellIn(ctx, b.prefilledDir(measurement)) }
}

// throughputOnManyPending keeps the broker's data and begins with new databases, as the measurement with few pending
// timeouts does.
func (b *bench) throughputOnManyPending(measurement string) measureFunc {
	return func(ctx context.Context) (figures, error) {
		dir := b.prefilledDir(measurement)
		files, err := filepath.Glob(filepath.Join(dir, "*.db*"))
		for _, file := range files {
			err = errors.Join(err, os.Remove(file))
		}
		if err != nil {
			return nil, fmt.Errorf("remove databases: %w", err)
		}
		return b.sellIn(ctx, dir)
	}
}

func (b *bench) sellIn(ctx context.Context, dir string) (figures, error) {
	return onFixtureIn(ctx, embeddedHome(b.log), dir, func(f *fixture) (figures, error) {
		return openAndSell(ctx, f, openOurs, buyersDefault, b.duration)
	})
}
