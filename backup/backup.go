// Package backup copies the databases of an embedded office while it runs, and puts them back. The message log is no part
// of it: whatever was on the way is sent again from what the databases say.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"boxoffice/common/db"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	version      = 1
	manifestName = "backup.json"
	manifestMax  = 1 << 20
)

// The files of a backup.
const (
	StockFile = "stock.db"
	OrderFile = "order.db"
)

// ErrDamaged says that a backup is not what was written.
var ErrDamaged = errors.New("the backup is damaged or not complete")

// manifest is written last: a directory without one is no backup.
type manifest struct {
	Version int          `json:"version"`
	TakenAt time.Time    `json:"taken_at"`
	Files   []fileOfCopy `json:"files"`
}

type fileOfCopy struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Take copies both databases as they stand at one moment to a directory that must not exist. Beside them it copies the
// extra files that are there. It leaves a whole directory or none.
func Take(ctx context.Context, stockDB, orderDB *db.DB, extra []string, dir string, at time.Time) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already: name a directory that is to be made", dir), err)
	}
	if err := makeDir(dir, func(part string) error {
		return fill(ctx, stockDB, orderDB, extra, part, at)
	}); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

func fill(ctx context.Context, stockDB, orderDB *db.DB, extra []string, part string, at time.Time) error {
	if err := db.Snapshot(ctx,
		db.Copy{DB: stockDB, Path: filepath.Join(part, StockFile)}, db.Copy{DB: orderDB, Path: filepath.Join(part, OrderFile)},
	); err != nil {
		return err
	}
	names := []string{StockFile, OrderFile}
	for _, path := range extra {
		err := copyFile(ctx, path, filepath.Join(part, filepath.Base(path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		names = append(names, filepath.Base(path))
	}
	m := manifest{Version: version, TakenAt: at.UTC()}
	for _, name := range names {
		f, err := sum(ctx, part, name)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, f)
	}
	text, err := json.Marshal(m, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(part, manifestName), append(text, '\n'))
}

// read returns the manifest of a backup whose files are all as they were written.
func read(ctx context.Context, dir string) (m manifest, err error) {
	file, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	text, err := io.ReadAll(io.LimitReader(file, manifestMax))
	if err := errors.Join(err, file.Close()); err != nil {
		return m, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	if err := json.Unmarshal(text, &m); err != nil || m.Version != version {
		return m, fmt.Errorf("%w: %s is not one of version %d: %w", ErrDamaged, file.Name(), version, err)
	}
	for _, want := range m.Files {
		if !filepath.IsLocal(want.Name) || want.Name != filepath.Base(want.Name) {
			return m, fmt.Errorf("%w: it names a file %q", ErrDamaged, want.Name)
		}
		got, err := sum(ctx, dir, want.Name)
		if err != nil {
			return m, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if got != want {
			return m, fmt.Errorf("%w: %s has %d bytes of SHA-256 %s, and had %d of %s",
				ErrDamaged, want.Name, got.Bytes, got.SHA256, want.Bytes, want.SHA256)
		}
	}
	return m, nil
}

func sum(ctx context.Context, dir, name string) (fileOfCopy, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fileOfCopy{}, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, reader{ctx: ctx.Err, from: file})
	if err := errors.Join(err, file.Close()); err != nil {
		return fileOfCopy{}, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	return fileOfCopy{name, n, hex.EncodeToString(hash.Sum(nil))}, nil
}
