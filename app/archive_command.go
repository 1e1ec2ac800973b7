package app

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"boxoffice/archive"
	"boxoffice/common/db"
	"boxoffice/order"
	"boxoffice/stock"
)

const (
	archivePause   = time.Hour
	archiveDefault = 30 * 24 * time.Hour
	archiveSkewMax = time.Minute
)

// runArchive moves the orders of screenings that are over into files, or back: boxoffice archive, and the flags of the
// office.
func runArchive(ctx context.Context, args []string, getenv func(string) string, now func() time.Time, stdout io.Writer) (err error) {
	var restore string
	config, err := parseToolConfig(args, getenv, stdout, func(flags *flag.FlagSet) {
		flags.StringVar(&restore, "restore", "", "put back the orders of this file of the archive, and archive nothing")
	})
	if err != nil {
		return err
	}
	o := &office{config: config, now: now, log: slog.New(slog.NewTextHandler(stdout, &slog.HandlerOptions{Level: config.LogLevel}))}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.openExisting(ctx); err != nil {
		return err
	}
	o.stock = stock.New(o.stockDB, stock.Options{SweepGrace: config.SweepGrace, Now: now, Log: o.log})
	o.orders = order.New(ctx, o.orderDB, nil, order.Options{MaxBatch: config.MaxBatch, Now: now, Log: o.log}) // sends nothing
	o.onClose(func() error { o.orders.Close(); return nil })
	if restore != "" {
		_, err := o.newArchiver().Restore(ctx, restore)
		return err
	}
	age := cmp.Or(config.ArchiveAfter, archiveDefault)
	if config.logOutlives(age) {
		return errLogOutlives
	}
	n, err := o.newArchiver().Run(ctx, age)
	_, _ = fmt.Fprintf(stdout, "archived screenings: %d, in %s\n", n, config.ArchiveDir)
	return err
}

// openExisting opens the databases of an office that has run before.
func (o *office) openExisting(ctx context.Context) error {
	if err := errors.Join(existing(o.config.StockDSN), existing(o.config.OrderDSN)); err != nil {
		return err
	}
	if err := o.openDatabases(ctx); err != nil {
		return err
	}
	return o.openOwner(ctx)
}

// existing refuses a SQLite file that is not there, which opening would make.
func existing(dsn string) error {
	if path, isFile := strings.CutPrefix(dsn, "sqlite:"); isFile {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("there is no office here: %w", err)
		}
	}
	return nil
}

func (o *office) newArchiver() *archive.Archiver {
	return archive.New(o.stock, o.orders, archive.Options{
		Dir: o.config.ArchiveDir, Now: o.now, Log: o.log.With("part", "archive"),
		Ready: func(ctx context.Context) error { return checkClocks(ctx, o.stockDB) },
	})
}

// checkClocks refuses to archive by a clock that is not the database's: one that is ahead would close sales that are open.
func checkClocks(ctx context.Context, d *db.DB) error {
	skew, err := d.ClockSkew(ctx, time.Now)
	if err != nil {
		return err
	}
	if skew.Abs() > archiveSkewMax {
		return fmt.Errorf("set this machine's clock, which is %v ahead of the database server's: by a wrong clock nothing is archived", skew.Round(time.Second))
	}
	return nil
}

// startArchiver archives once an hour, if an age is set.
func (o *office) startArchiver(ctx context.Context) {
	if o.config.ArchiveAfter > 0 {
		archiver := o.newArchiver()
		o.start(ctx, func(ctx context.Context) { archiver.RunEvery(ctx, archivePause, o.config.ArchiveAfter) })
	}
}
