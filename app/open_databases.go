package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"boxoffice/app/settings"
	"boxoffice/common/db"
	"boxoffice/common/outage"
	"boxoffice/sql"
)

// reopenPause is between two tries to open a database that was away at the start.
const reopenPause = 5 * time.Second

// openDatabases opens the databases, brings their schemas up to date, and makes sure that they belong to one office.
func (o *office) openDatabases(ctx context.Context) (err error) {
	if o.stockDB, err = o.openDatabase(ctx, o.config.StockDSN, sql.Stock, (*db.DB).Migrate); err != nil {
		return fmt.Errorf("set BOXOFFICE_STOCK_DSN to a database that this office can use: %w", err)
	}
	if o.orderDB, err = o.openDatabase(ctx, o.config.OrderDSN, sql.Order, (*db.DB).Migrate); err != nil {
		return fmt.Errorf("set BOXOFFICE_ORDER_DSN to a database that this office can use: %w", err)
	}
	if o.owner, err = claimDatabases(ctx, o.stockDB, o.orderDB); err != nil {
		return err
	}
	if o.config.UsesTickets() {
		if err := o.openTicketsDB(ctx); err != nil {
			return err
		}
	}
	if o.config.UsesNotify() {
		return o.openNotifyDB(ctx)
	}
	return nil
}

// openTicketsDB opens the database of the tickets. One that is not there yet is made: the tickets of orders that are paid
// already are made as messages are read again, and as they are asked for.
func (o *office) openTicketsDB(ctx context.Context) (err error) {
	o.ticketsDB, err = o.openFurtherDB(ctx, o.config.TicketsDSN, "BOXOFFICE_TICKETS_DSN", sql.Tickets)
	return err
}

// openNotifyDB opens the database of mail and SMS, and makes one that is not there yet.
func (o *office) openNotifyDB(ctx context.Context) (err error) {
	o.notifyDB, err = o.openFurtherDB(ctx, o.config.Notify.DSN, "BOXOFFICE_NOTIFY_DSN", sql.Notify)
	return err
}

// openFurtherDB opens a database without which tickets are sold all the same. A process that sells does not wait for one that
// is away: until that is back, what needs it is answered as in any outage of it.
func (o *office) openFurtherDB(ctx context.Context, dsn, setting string, migrations func() (fs.FS, error)) (*db.DB, error) {
	d, err := o.openClaimed(ctx, dsn, setting, migrations, &o.closers)
	if !errors.Is(err, db.ErrAway) || !o.config.HasRole(settings.RoleAPI) {
		return d, err
	}
	d, admit, errLater := db.OpenLater(dsn)
	if errLater != nil { // a file, which nobody will bring back
		return nil, err
	}
	o.log.Warn("a database is away that selling does not need: it is opened when it is back", "setting", setting, "error", err)
	o.onClose(d.Close)
	unusable := outage.NewLoop(o.log.With("setting", setting), "a database that is back cannot be used", db.ErrAway)
	o.goUntilClose(ctx, func(ctx context.Context) {
		for ctx.Err() == nil {
			select {
			case <-time.After(reopenPause):
			case <-ctx.Done():
				return
			}
			var once closers
			_, err := o.openClaimed(ctx, dsn, setting, migrations, &once)
			if err = errors.Join(err, once.closeAll(stopTimeout)); err == nil {
				admit()
				o.log.Info("a database is back, and open", "setting", setting)
				return
			}
			unusable.Observe(ctx, err)
		}
	})
	return d, nil
}

// openClaimed opens a database of this office, which to closes, and brings its schema up to date.
func (o *office) openClaimed(
	ctx context.Context, dsn, setting string, migrations func() (fs.FS, error), to *closers,
) (*db.DB, error) {
	d, err := to.openDatabase(ctx, dsn, migrations, (*db.DB).Migrate)
	if err == nil {
		return d, claimDatabase(ctx, d, o.owner, setting)
	}
	if d != nil && d.IsUnavailable(err) { // it answers, and can make no schema
		err = fmt.Errorf("%w: %w", db.ErrAway, err)
	}
	return nil, fmt.Errorf("set %s to a database that this office can use: %w", setting, err)
}

// openDatabase opens a database and prepares its schema: brings it up to date, or only checks it.
func (c *closers) openDatabase(
	ctx context.Context, dsn string, migrations func() (fs.FS, error), prepare func(*db.DB, context.Context, fs.FS) error,
) (*db.DB, error) {
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	c.onClose(d.Close)
	schema, err := migrations()
	if err != nil {
		return nil, err
	}
	return d, prepare(d, ctx, schema)
}

// openExistingDatabases opens the databases for a command that works on an office, which must have run before, and may run
// now: their schemas stay as they are, because a process of an earlier version could not start again on newer ones.
func (o *office) openExistingDatabases(ctx context.Context) (err error) {
	if o.stockDB, err = o.openExisting(ctx, o.config.StockDSN, sql.Stock); err != nil {
		return fmt.Errorf("BOXOFFICE_STOCK_DSN: %w", err)
	}
	o.orderDB, err = o.openExistingOf(ctx, o.stockDB, o.config.OrderDSN, "BOXOFFICE_ORDER_DSN", sql.Order)
	return err
}

// openExistingOf opens another existing database of the office that has this stock database.
func (c *closers) openExistingOf(
	ctx context.Context, stockDB *db.DB, dsn, setting string, migrations func() (fs.FS, error),
) (*db.DB, error) {
	d, err := c.openExisting(ctx, dsn, migrations)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return d, checkOwner(ctx, stockDB, d, setting)
}

// openExisting opens a database that exists and has this version's schema, which it leaves as it is.
func (c *closers) openExisting(ctx context.Context, dsn string, migrations func() (fs.FS, error)) (*db.DB, error) {
	if err := checkFileExists(dsn); err != nil {
		return nil, fmt.Errorf("there is no office here: %w", err)
	}
	d, err := c.openDatabase(ctx, dsn, migrations, (*db.DB).CheckMigrated)
	if errors.Is(err, db.ErrSchemaTooOld) {
		return nil, fmt.Errorf("take the version of boxoffice that has run here last, or back up with that one and start this one once: %w", err)
	}
	return d, err
}

// checkFileExists fails for a SQLite database whose file does not exist, because opening it would make an empty one.
func checkFileExists(dsn string) error {
	if path, isFile := strings.CutPrefix(dsn, "sqlite:"); isFile {
		_, err := os.Stat(path)
		return err
	}
	return nil
}
