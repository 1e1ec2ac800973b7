package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
)

// A file that somebody has edited and packed again is whole, and says of itself what the books say: one order stood twice
// in it, and one was missing. Its orders were deleted, or restored, all the same.
func TestEditedFileIsDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(lines []string)
		digest string // as the database knows it; empty as in archives of an earlier version
	}{
		"one order twice":  {func(lines []string) { lines[2] = lines[1] }, "known"},
		"buyer changed":    {func(lines []string) { lines[1] = strings.ReplaceAll(lines[1], `"buyer-`, `"mallory-`) }, "known"},
		"line of nothing":  {func(lines []string) { lines[1] += "\n{}" }, ""},
		"second screening": {func(lines []string) { lines[1] += "\n" + lines[0] }, ""},
		"order of another sale": {func(lines []string) {
			lines[1] = strings.Replace(lines[1], `"screening_id":"x"`, `"screening_id":"y"`, 1)
		}, ""},
		"reservation of another id": {func(lines []string) { lines[1] = strings.Replace(lines[1], `"order_id":"0`, `"order_id":"1`, 1) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.addScreening("x", 10, 0)
			before := o.rows()
			o.advance(40 * 24 * time.Hour)
			o.run(1)
			file := o.archiveFile("x")
			whole := mustRead(t, file)
			edited := editLines(t, whole, c.edit)
			if c.digest == "" {
				dbtest.Exec(o.t, o.stockDB, `UPDATE archives SET digest = ''`)
			}
			if err := os.WriteFile(file, edited, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := o.archiver().Restore(t.Context(), file); !errors.Is(err, ErrDamaged) {
				t.Errorf("restored: %v", err)
			}
			o.wantEmpty()
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			o.restore(file)
			o.wantRows(before)
		})
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func editLines(t *testing.T, packed []byte, edit func([]string)) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	edit(lines)
	edited := strings.Join(lines, "\n")
	if edited == string(text) {
		t.Fatal("nothing was edited")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, edited); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every screening has a file of its own in the archive's directory: on a disk that knows no difference between X and x, too.
func TestNamesOfFiles(t *testing.T) {
	o := newOffice(t)
	ids := []string{"-", "_", "x", "X", "con", strings.Repeat("X", 64)}
	for _, id := range ids {
		o.addScreening(id, 1, 0)
	}
	o.advance(40 * 24 * time.Hour)
	o.run(len(ids))
	seen := map[string]bool{}
	for _, id := range ids {
		file := o.archiveFile(id)
		if filepath.Dir(file) != o.dir || len(filepath.Base(file)+partEnding) > 255 || seen[strings.ToLower(file)] {
			t.Errorf("screening %q is in %s", id, file)
		}
		seen[strings.ToLower(file)] = true
		o.restore(file)
	}
}

// By a clock that is wrong nothing is restored either: a lease would be taken that somebody has.
func TestRestoreAsksWhetherItMay(t *testing.T) {
	o := newOffice(t)
	o.addScreening("x", 10, 0)
	o.advance(40 * 24 * time.Hour)
	o.run(1)
	a, notReady := o.archiver(), errors.New("not ready")
	a.opts.Ready = func(context.Context) error { return notReady }
	if _, err := a.Restore(t.Context(), o.archiveFile("x")); !errors.Is(err, notReady) {
		t.Errorf("restored: %v", err)
	}
	o.wantEmpty()
}
