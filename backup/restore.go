package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"boxoffice/common/db"
	"boxoffice/order"
	"boxoffice/sql"
	"boxoffice/stock"
)

// Restore makes the data directory of an office from a backup, and returns when the backup was taken. The data
// directory must be empty or not exist, so that nothing is overwritten. Every reservation that is still held is
// published again as soon as the office runs, because the messages that were in flight are lost; and before a pending order is
// cancelled its payment providers are asked for payments that have started since.
func Restore(ctx context.Context, dir, dataDir string, now func() time.Time) (takenAt time.Time, err error) {
	m, err := readVerified(ctx, dir)
	if err != nil {
		return takenAt, err
	}
	if err := removeEmpty(dataDir); err != nil {
		return takenAt, fmt.Errorf("restore: %w", err)
	}
	if err := makeDir(dataDir, func(tmp string) error { return restoreFiles(ctx, m, dir, tmp, now) }); err != nil {
		return takenAt, fmt.Errorf("restore: %w", err)
	}
	return m.TakenAt, nil
}

// removeEmpty removes an empty directory, and nothing else.
func removeEmpty(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory: move this one away, or name another as the data directory", dir)
	case !isEmptyDir(dir):
		return fmt.Errorf("%s is not empty, and nothing is written over: move this one away, or name another data directory", dir)
	}
	return os.Remove(dir)
}

// restoreFiles copies the files of a backup to dataDir, makes every held reservation due for the sweeper, has the payment
// providers asked for pending orders, and brings tickets to where their orders stand.
func restoreFiles(ctx context.Context, m manifest, dir, dataDir string, now func() time.Time) error {
	for _, f := range m.Files {
		if err := copyFile(ctx, filepath.Join(dir, f.Name), filepath.Join(dataDir, f.Name)); err != nil {
			return err
		}
	}
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(dataDir, StockFile))
	if err != nil {
		return err
	}
	if err := errors.Join(stock.New(d, stock.Options{Now: now}).SweepSoon(ctx), d.Close()); err != nil {
		return err
	}
	if err := markOrders(ctx, "sqlite:"+filepath.Join(dataDir, OrderFile), now()); err != nil {
		return err
	}
	return followTickets(ctx, dataDir, m.TakenAt, now)
}

// markOrders has the payment providers asked for what the backup does not know. A backup of an older version has no place for
// it, so the database is brought to this one.
func markOrders(ctx context.Context, dsn string, now time.Time) error {
	migrations, err := sql.Order()
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return err
	}
	err = d.Migrate(ctx, migrations)
	if err == nil {
		err = order.MarkRestored(ctx, d, now)
	}
	return errors.Join(err, d.Close())
}
