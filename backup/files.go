package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"boxoffice/common/durable"
)

// reader ends when its context does.
type reader struct {
	ctx  func() error
	from io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

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
	_, err = io.Copy(target, reader{ctx: ctx.Err, from: source})
	if err := errors.Join(err, target.Sync(), target.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

func writeSynced(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// makeDir makes a directory that must not be there, of what fill writes to another one beside it. It leaves a whole one or
// none.
func makeDir(dir string, fill func(part string) error) error {
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	part, err := os.MkdirTemp(parent, filepath.Base(dir)+".*.part") // of mode 0700
	if err != nil {
		return err
	}
	if err = fill(part); err == nil {
		err = durable.SyncDir(part)
	}
	if err == nil {
		err = durable.Rename(part, filepath.Clean(dir))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return nil
}
