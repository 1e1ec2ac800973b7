package db_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"boxoffice/common/db"
)

func openFile(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func must(t *testing.T, d *db.DB, statement string, args ...any) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func lastOf(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	if err := d.Reader().GetContext(t.Context(), &n, `SELECT COALESCE(MAX(n), 0) FROM t`); err != nil {
		t.Fatal(err)
	}
	return n
}

// Copies of two databases were of two moments: what one says of the other was not true of any. A writer writes each number
// to the first and then to the second, so that at every moment the first is ahead by one at most, and never behind.
func TestCopyIsOfOneMoment(t *testing.T) {
	dir := t.TempDir()
	one, two := openFile(t, filepath.Join(dir, "one.db")), openFile(t, filepath.Join(dir, "two.db"))
	for _, d := range []*db.DB{one, two} {
		must(t, d, `CREATE TABLE t (n INTEGER PRIMARY KEY, filler BLOB)`)
		for range 8 { // some megabytes, so that copying takes longer than a transaction
			must(t, d, `INSERT INTO t (n, filler) SELECT COALESCE((SELECT MIN(n) FROM t), 0) - 1 - value, randomblob(2000)
				FROM (WITH RECURSIVE c(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM c WHERE value < 200) SELECT value FROM c)`)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			must(t, one, `INSERT INTO t (n) VALUES (?)`, n)
			must(t, two, `INSERT INTO t (n) VALUES (?)`, n)
		}
	})
	defer writer.Wait()
	defer stop()
	before := 0
	for round := range 10 {
		paths := []string{filepath.Join(dir, "copy-one", string(rune('a'+round))+".db"), filepath.Join(dir, "copy-two",
			string(rune('a'+round))+".db")}
		copyOne, copyTwo := copyBoth(t, one, paths[0], two, paths[1])
		if copyOne != copyTwo && copyOne != copyTwo+1 {
			t.Errorf("the copies end with %d and %d", copyOne, copyTwo)
		}
		if copyTwo < before {
			t.Errorf("a copy ends with %d, an earlier one with %d", copyTwo, before)
		}
		before = copyTwo
	}
	if before == 0 {
		t.Error("nothing was written meanwhile")
	}
}

// copyBoth copies both, and between them others that take their time.
func copyBoth(t *testing.T, one *db.DB, pathOne string, two *db.DB, pathTwo string) (lastOne, lastTwo int) {
	t.Helper()
	for _, path := range []string{pathOne, pathTwo} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	copies := []db.Copy{{DB: one, Path: pathOne}}
	others := t.TempDir()
	for n := range 8 {
		other := openFile(t, filepath.Join(others, fmt.Sprint(n, ".db")))
		copies = append(copies, db.Copy{DB: other, Path: filepath.Join(others, fmt.Sprint(n, "-copy.db"))})
	}
	if err := db.CopyTogether(t.Context(), append(copies, db.Copy{DB: two, Path: pathTwo})...); err != nil {
		t.Fatal(err)
	}
	return lastOf(t, openFile(t, pathOne)), lastOf(t, openFile(t, pathTwo))
}

// A copy to a path with a question mark or a hash went to another file, which it wrote over. No file is written over.
func TestCopyGoesToItsPath(t *testing.T) {
	dir := t.TempDir()
	d := openFile(t, filepath.Join(dir, "one.db"))
	must(t, d, `CREATE TABLE t (n INTEGER PRIMARY KEY)`)
	must(t, d, `INSERT INTO t VALUES (7)`)
	for _, name := range []string{"a?b.db", "a#b.db", "a%3Fb.db", "a b.db"} {
		path := filepath.Join(dir, name)
		if err := db.CopyTogether(t.Context(), db.Copy{DB: d, Path: path}); err != nil {
			t.Fatal(err)
		}
		if n := lastOf(t, openFile(t, path)); n != 7 {
			t.Errorf("%s has %d, want 7", name, n)
		}
		if err := db.CopyTogether(t.Context(), db.Copy{DB: d, Path: path}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s was written over: %v", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of another name: %v", err)
	}
}

func TestCopyEndsWithItsContext(t *testing.T) {
	d := openFile(t, filepath.Join(t.TempDir(), "one.db"))
	must(t, d, `CREATE TABLE t (n INTEGER PRIMARY KEY)`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.CopyTogether(ctx, db.Copy{DB: d, Path: filepath.Join(t.TempDir(), "copy.db")}); !errors.Is(err, context.Canceled) {
		t.Errorf("copy: %v", err)
	}
	must(t, d, `INSERT INTO t (n) VALUES (1)`) // nothing is held
}
