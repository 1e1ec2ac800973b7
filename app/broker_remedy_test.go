package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"boxoffice/app/settings"
)

// Whatever kept the embedded broker from starting, its address was blamed, or the directory's rights: a file that a power
// failure had emptied, a disk that fails, a record that this version cannot read.
func TestBrokerThatCannotStartSaysWhatHelps(t *testing.T) {
	path := func(err error) error {
		return fmt.Errorf("open log: %w", &fs.PathError{Op: "read", Path: "/d/log/0", Err: err})
	}
	for name, c := range map[string]struct {
		err         error
		want, wrong string
	}{
		"port":            {&net.OpError{Op: "listen", Err: syscall.EADDRINUSE}, "set L to a free address", "set D"},
		"disk that fails": {path(syscall.EIO), "look at the disk of /d", "can be written"},
		"full disk":       {path(syscall.ENOSPC), "make room on the disk of /d", "can be written"},
		"rights":          {path(fs.ErrPermission), "set D to a directory that can be written", "set L"},
		"read-only disk":  {path(syscall.EROFS), "set D to a directory that can be written", "set L"},
		"strange record":  {errors.New("open log: replay record at 7"), "backup", "set L"},
	} {
		got := brokerRemedy(c.err, "L", "D", "/d", "C").Error()
		if !strings.Contains(got, c.want) || strings.Contains(got, c.wrong) || !strings.Contains(got, c.err.Error()) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestGarbledSideFileIsTheOfficesSentence(t *testing.T) {
	h := home{dir: t.TempDir()}
	env := h.environment()
	file := filepath.Join(brokerDir(env["BOXOFFICE_DATA_DIR"]), "topics.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	call := settings.Invocation{Getenv: func(name string) string { return env[name] }, Now: time.Now, Stdout: io.Discard}
	err := runServe(ctx, call)
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "remove it") ||
		strings.Contains(err.Error(), "set BOXOFFICE") {
		t.Errorf("the start ends with %v, want what to do with %s, and nothing else", err, file)
	}
}
