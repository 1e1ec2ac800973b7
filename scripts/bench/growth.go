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

// grown is a directory with much data, which is filled once and used in every round: what one round adds is little
// beside it.
func (b *bench) grown(what string) string { return filepath.Join(b.root, "grown-"+what) }

// grow fills what the slots of the group growth stand on, with the embedded broker and SQLite.
func (b *bench) grow(ctx context.Context, needs func(slots ...string) bool) error {
	for _, one := range []struct {
		slot, dir string
		fill      func(ctx context.Context, dir string, n int) error
		n         int
	}{
		{"rows many", "rows", b.growRows, b.rowsMany()},
		{"rows kept", "kept", b.growRows, rowsFew}, // what rounds add to it they add to the archived ones too
		{"rows archived", "archived", b.growArchived, b.rowsMany()},
		{"pending many", "pending", b.growPending, b.pendingMany()},
	} {
		if !needs(one.slot) {
			continue
		}
		if err := one.fill(ctx, b.grown(one.dir), one.n); err != nil {
			return fmt.Errorf("fill %q with %d: %w", one.slot, one.n, err)
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

// fewSlot sells on fresh data of which there is little.
func (b *bench) fewSlot(name string, fill func(ctx context.Context, dir string) error) func(context.Context) (figures, error) {
	return func(ctx context.Context) (f figures, err error) {
		dir, err := os.MkdirTemp(b.root, "slot-")
		if err != nil {
			return nil, fmt.Errorf("make data directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		if err := fill(ctx, dir); err != nil {
			return nil, fmt.Errorf("fill: %w", err)
		}
		return b.sellIn(ctx, name, dir)
	}
}

func (b *bench) fewRows(ctx context.Context, dir string) error { return b.growRows(ctx, dir, rowsFew) }

func (b *bench) fewPending(ctx context.Context, dir string) error {
	return b.growPending(ctx, dir, pendingFew)
}

// manySlot sells on data of which there is much.
func (b *bench) manySlot(name, what string, prepare func(dir string) error) func(context.Context) (figures, error) {
	return func(ctx context.Context) (figures, error) {
		if err := prepare(b.grown(what)); err != nil {
			return nil, err
		}
		return b.sellIn(ctx, name, b.grown(what))
	}
}

func asItIs(string) error { return nil }

// emptyTables keeps the broker's data and begins with new databases, as the slot with few pending timeouts does.
func emptyTables(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

func (b *bench) sellIn(ctx context.Context, name, dir string) (figures, error) {
	var got sold
	err := b.onDir(ctx, embeddedHome(b.log), dir, func(r *rig) error {
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
