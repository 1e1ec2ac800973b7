package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// saveJSON replaces the file at path so that a crash leaves either the old or
// the new content: temporary file, fsync, rename, fsync of the directory.
func saveJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	tmp := path + ".tmp"
	if err := writeSynced(tmp, data); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(tmp), err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	return syncDir(filepath.Dir(path))
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// SideFileError says that a file beside the log holds something else than the
// broker has written there, and what to do.
type SideFileError struct {
	Path    string
	Without string // what happens when the file is removed
	Cause   error
}

func (e *SideFileError) Error() string {
	return fmt.Sprintf("%s cannot be understood (%v): bring it back from a backup, or remove it; %s", e.Path, e.Cause, e.Without)
}

// Unwrap returns what is wrong with the file.
func (e *SideFileError) Unwrap() error { return e.Cause }

var errNoList = errors.New("it is no list")

// loadJSON reads the file at path, which saveJSON has written. A file that does
// not exist is an empty list. One that holds anything else than a list of what
// passes check stops the start with a SideFileError: by a flipped bit a name is
// unknown, or a number out of bounds.
func loadJSON[T any](path, without string, check func(T) error) ([]T, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []T
	err = json.Unmarshal(data, &list, json.RejectUnknownMembers(true))
	if err == nil && list == nil {
		err = errNoList
	}
	for i := 0; i < len(list) && err == nil; i++ {
		if err = check(list[i]); err != nil {
			err = fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	if err != nil {
		return nil, &SideFileError{Path: path, Without: without, Cause: err}
	}
	return list, nil
}
