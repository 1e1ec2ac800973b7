package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"boxoffice/app/settings"
	"boxoffice/order"
	"boxoffice/stock"
)

// runArchive moves the orders of screenings that are over into files, or with -restore back: boxoffice archive, and the
// flags of the office.
func runArchive(ctx context.Context, call settings.Invocation) (err error) {
	var restore string
	config, err := settings.ParseTool(call, func(flags *flag.FlagSet) {
		flags.StringVar(&restore, "restore", "", "put back the orders of this file of the archive, and archive nothing")
	})
	if err != nil {
		return err
	}
	o := &office{config: config, now: call.Now, log: call.NewLog(config.LogLevel)}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.openExistingDatabases(ctx); err != nil {
		return err
	}
	o.stock = stock.New(o.stockDB, stock.Options{SweepGrace: config.SweepGrace, Now: call.Now, Log: o.log})
	o.orders = order.New(ctx, o.orderDB, nil, order.Options{MaxBatch: config.MaxBatch, Now: call.Now, Log: o.log}) // sends nothing
	o.onClose(func() error { o.orders.Close(); return nil })
	if restore != "" {
		_, err := o.newArchiver(time.Now).Restore(ctx, restore)
		return err
	}
	age := o.archiveAge()
	if config.KeepsMessagesLonger(age) {
		return settings.ErrLogAge
	}
	n, err := o.newArchiver(time.Now).Run(ctx, age)
	_, _ = fmt.Fprintf(call.Stdout, "archived screenings: %d, in %s\n", n, config.ArchiveDir)
	return err
}
