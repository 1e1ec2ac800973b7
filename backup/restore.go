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
	"boxoffice/stock"
)

// Restore makes the data directory of an office from a backup, and returns when that was taken. The directory must not be
// there, or be empty: nothing is written over. Every reservation that is still held is published again as soon as the
// office runs, because the messages that were on the way are gone.
func Restore(ctx context.Context, dir, dataDir string, now func() time.Time) (takenAt time.Time, err error) {
	m, err := read(ctx, dir)
	if err != nil {
		return takenAt, err
	}
	if err := removeEmpty(dataDir); err != nil {
		return takenAt, fmt.Errorf("restore to a directory that is not there, or empty: move this one away: %w", err)
	}
	if err := makeDir(dataDir, func(part string) error { return refill(ctx, m, dir, part, now) }); err != nil {
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
		return fmt.Errorf("%s is no directory", dir)
	}
	return os.Remove(dir)
}

func refill(ctx context.Context, m manifest, dir, part string, now func() time.Time) error {
	for _, f := range m.Files {
		if err := copyFile(ctx, filepath.Join(dir, f.Name), filepath.Join(part, f.Name)); err != nil {
			return err
		}
	}
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(part, StockFile))
	if err != nil {
		return err
	}
	return errors.Join(stock.New(d, stock.Options{Now: now}).SweepSoon(ctx), d.Close())
}
