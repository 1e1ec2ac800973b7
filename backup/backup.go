// Package backup copies the databases of an embedded office while it runs, and restores them. The message log is not
// part of a backup: messages that were in flight are sent again from the state of the databases.
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

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"boxoffice/common/db"
)

const (
	version      = 1
	manifestName = "backup.json"
	manifestMax  = 1 << 20
)

// The database files of a backup.
const (
	StockFile   = "stock.db"
	OrderFile   = "order.db"
	TicketsFile = "tickets.db" // of an office that has tickets
	NotifyFile  = "notify.db"  // of one that sends mail or SMS
)

// ErrDamaged says that the files of a backup are not those that were written.
var ErrDamaged = errors.New("the backup is damaged or not complete")

// manifest lists the files of a backup. It is written last, so that a directory without one is not a whole backup.
type manifest struct {
	Version int         `json:"version"`
	TakenAt time.Time   `json:"taken_at"`
	Files   []fileEntry `json:"files"`
}

type fileEntry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Office is an embedded office that is to be backed up.
type Office struct {
	Stock, Orders *db.DB
	Tickets       *db.DB   // nil: there are none
	Notify        *db.DB   // nil: nobody is told
	DataDir       string   // no backup is made inside of it; empty is not checked
	ArchiveDir    string   // of the archive's files, which are not copied
	Extra         []string // further files, which are copied as far as they exist
}

// Taken is a backup that was made.
type Taken struct {
	ArchiveDir string // holds files of the archive, which are not part of the backup; empty when there are none
}

// Take copies the databases, as they are at one moment, and the extra files, to a directory that must not exist. When it
// fails it leaves no directory.
func (o Office) Take(ctx context.Context, dir string, at time.Time) (Taken, error) {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return Taken{}, errors.Join(fmt.Errorf("%s is there already: name a directory that is to be made", dir), err)
	}
	inside, err := isInside(dir, o.DataDir)
	switch {
	case err != nil:
		return Taken{}, fmt.Errorf("back up: %w", err)
	case inside:
		return Taken{}, fmt.Errorf("back up to a directory outside of %s: what happens to the data directory would happen to %s, too",
			o.DataDir, dir)
	}
	if err := makeDir(dir, func(tmp string) error {
		return o.write(ctx, tmp, at)
	}); err != nil {
		return Taken{}, fmt.Errorf("back up: %w", err)
	}
	taken := Taken{ArchiveDir: o.ArchiveDir}
	if isEmptyDir(o.ArchiveDir) { // now: an order leaves the database only when its file is there
		taken.ArchiveDir = ""
	}
	return taken, nil
}

// write writes the files of a backup and its manifest to dir.
func (o Office) write(ctx context.Context, dir string, at time.Time) error {
	copies := []db.Copy{{DB: o.Stock, Path: filepath.Join(dir, StockFile)}, {DB: o.Orders, Path: filepath.Join(dir, OrderFile)}}
	if o.Tickets != nil {
		copies = append(copies, db.Copy{DB: o.Tickets, Path: filepath.Join(dir, TicketsFile)})
	}
	if o.Notify != nil {
		copies = append(copies, db.Copy{DB: o.Notify, Path: filepath.Join(dir, NotifyFile)})
	}
	if err := db.CopyTogether(ctx, copies...); err != nil {
		return err
	}
	var names []string
	for _, c := range copies {
		names = append(names, filepath.Base(c.Path))
	}
	for _, path := range o.Extra {
		err := copyFile(ctx, path, filepath.Join(dir, filepath.Base(path)))
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
		f, err := describe(ctx, dir, name)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, f)
	}
	text, err := json.Marshal(m, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, manifestName), append(text, '\n'))
}

// readVerified returns the manifest of a backup, after it has checked that all files are those that were written.
func readVerified(ctx context.Context, dir string) (m manifest, err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("there is no backup: %s does not exist", dir)
	}
	file, err := os.Open(filepath.Join(dir, manifestName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, fmt.Errorf("%s holds no backup, or %w: it has no %s", dir, ErrDamaged, manifestName)
	case err != nil:
		return m, fmt.Errorf("read the backup: %w", err)
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
		got, err := describe(ctx, dir, want.Name)
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

// describe reads a file for its entry in the manifest.
func describe(ctx context.Context, dir, name string) (fileEntry, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fileEntry{}, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, ctxReader{ctxErr: ctx.Err, from: file})
	if err := errors.Join(err, file.Close()); err != nil {
		return fileEntry{}, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	return fileEntry{name, n, hex.EncodeToString(hash.Sum(nil))}, nil
}
