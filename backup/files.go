package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"boxoffice/common/durable"
)

// ctxReader reads until a context ends.
type ctxReader struct {
	ctxErr func() error // the context's Err
	from   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctxErr(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// copyFile copies a file to one that must not exist, and returns when the copy is on the disk.
func copyFile(ctx context.Context, from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // it was only read
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, ctxReader{ctxErr: ctx.Err, from: source})
	if err := errors.Join(err, target.Sync(), target.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

// writeSynced writes a file that must not exist, and returns when it is on the disk.
func writeSynced(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// makeDir makes a directory that must not exist: write fills a temporary one beside it, which then gets its name. When
// it fails it leaves no directory.
func makeDir(dir string, write func(tmp string) error) error {
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, filepath.Base(dir)+".*.part") // of mode 0700
	if err != nil {
		return err
	}
	if err = write(tmp); err == nil {
		err = durable.SyncDir(tmp)
	}
	if err == nil {
		err = durable.Rename(tmp, filepath.Clean(dir))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return nil
}

// isInside tells whether a directory that is still to be made would be inside of another, or be it, whatever the links on
// its way. Nothing is inside of a directory that does not exist.
func isInside(dir, outer string) (bool, error) {
	outside, err := os.Stat(outer)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	above, err := nearestExisting(dir)
	if err != nil {
		return false, err
	}
	for {
		info, err := os.Stat(above)
		if err != nil {
			return false, err
		}
		if os.SameFile(info, outside) {
			return true, nil
		}
		if filepath.Dir(above) == above {
			return false, nil
		}
		above = filepath.Dir(above)
	}
}

// nearestExisting is the path, without links, of a directory, or else of the nearest one above it that exists.
func nearestExisting(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		existing, err := filepath.EvalSymlinks(dir)
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return existing, err
		}
		dir = filepath.Dir(dir)
	}
}

// isEmptyDir tells whether a directory is known to hold nothing, or not to exist.
func isEmptyDir(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0 || errors.Is(err, fs.ErrNotExist)
}
