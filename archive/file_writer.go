package archive

import (
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"boxoffice/common/durable"
)

const (
	fileEnding = ".jsonl.gz"
	partEnding = ".part"
)

// fileWriter writes a file under a temporary name, until it is complete.
type fileWriter struct {
	path string // its final name
	file *os.File
	gzip *gzip.Writer
}

// createFile begins a file of a screening. Its name is new, so that it never overwrites another file, also when several
// processes archive the same screening. Files of the screening that were never completed are removed.
func createFile(dir, screeningID string) (*fileWriter, error) {
	prefix := "screening-" + escape(screeningID) + "."
	if err := removeParts(dir, prefix); err != nil {
		return nil, fmt.Errorf("remove what is left of an archive file: %w", err)
	}
	path := filepath.Join(dir, prefix+strings.ToLower(rand.Text()[:13])+fileEnding) // 65 random bits
	file, err := os.OpenFile(path+partEnding, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create archive file: %w", err)
	}
	return &fileWriter{path, file, gzip.NewWriter(file)}, nil
}

// escape encodes a screening's id for a file name, without dots, so that the id ends at the first dot of the name.
func escape(id string) string {
	var b strings.Builder
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// removeParts removes the files that were never completed.
func removeParts(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, partEnding) {
			err = errors.Join(err, removeIfExists(filepath.Join(dir, name)))
		}
	}
	return err
}

func removeIfExists(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (w *fileWriter) write(l line) error {
	text, err := json.Marshal(l)
	if err == nil {
		_, err = w.gzip.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write archive file: %w", err)
	}
	return nil
}

// sync writes all lines to the disk, so that they can be read back.
func (w *fileWriter) sync() error {
	if err := errors.Join(w.gzip.Close(), w.file.Sync()); err != nil {
		return fmt.Errorf("write archive file: %w", err)
	}
	return nil
}

// complete gives the file its final name, and returns when the name is on the disk.
func (w *fileWriter) complete() error {
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("write archive file: %w", err)
	}
	if err := durable.Rename(w.file.Name(), w.path); err != nil {
		return fmt.Errorf("name archive file: %w", err)
	}
	return nil
}

// discard removes the file, under either name.
func (w *fileWriter) discard() error {
	_ = w.file.Close() // it may be closed already, and its content does not matter
	return errors.Join(removeIfExists(w.file.Name()), removeIfExists(w.path))
}
