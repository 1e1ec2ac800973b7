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
	if err := os.Remove(dataDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return takenAt, fmt.Errorf("restore to a directory that is not there, or empty: move this one away: %w", err)
	}
	part := filepath.Clean(dataDir) + partEnding
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o700)); err != nil {
		return takenAt, fmt.Errorf("make the data directory: %w", err)
	}
	err = refill(ctx, m, dir, part, now)
	if err == nil {
		err = putInPlace(part, dataDir)
	}
	if err != nil {
		return takenAt, errors.Join(fmt.Errorf("restore: %w", err), os.RemoveAll(part))
	}
	return m.TakenAt, nil
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
