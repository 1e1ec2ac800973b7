package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"boxoffice/common/db"
	"boxoffice/sql"
)

// openDatabases opens both databases, brings their schemas up to date, and makes sure that they belong to one office.
func (o *office) openDatabases(ctx context.Context) (err error) {
	if o.stockDB, err = o.openDatabase(ctx, o.config.StockDSN, sql.Stock, (*db.DB).Migrate); err != nil {
		return fmt.Errorf("set BOXOFFICE_STOCK_DSN to a database that this office can use: %w", err)
	}
	if o.orderDB, err = o.openDatabase(ctx, o.config.OrderDSN, sql.Order, (*db.DB).Migrate); err != nil {
		return fmt.Errorf("set BOXOFFICE_ORDER_DSN to a database that this office can use: %w", err)
	}
	o.owner, err = claimDatabases(ctx, o.stockDB, o.orderDB)
	return err
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

// openExistingDatabases opens the databases for a command that works on an office, which must have run before.
func (o *office) openExistingDatabases(ctx context.Context) error {
	if err := errors.Join(checkFileExists(o.config.StockDSN), checkFileExists(o.config.OrderDSN)); err != nil {
		return err
	}
	return o.openDatabases(ctx)
}

// checkFileExists fails for a SQLite database whose file does not exist, because opening it would make an empty one.
func checkFileExists(dsn string) error {
	if path, isFile := strings.CutPrefix(dsn, "sqlite:"); isFile {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("there is no office here: %w", err)
		}
	}
	return nil
}
