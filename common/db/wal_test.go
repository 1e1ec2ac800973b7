package db_test

import (
	"os"
	"path/filepath"
	"testing"

	"boxoffice/common/db"
)

// A reader that took long, such as a backup, let the write-ahead log grow beyond any checkpoint, and the file kept that
// size for ever.
func TestWriteAheadLogShrinks(t *testing.T) {
	const limit, grown = 64 << 20, 80 // bytes, rows of one MiB
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := db.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if err := exec(t, d, `CREATE TABLE t (a BLOB)`); err != nil {
		t.Fatal(err)
	}
	reader, err := d.Reader().BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.Get(&n, `SELECT COUNT(*) FROM t`); err != nil {
		t.Fatal(err)
	}
	for range grown {
		if err := exec(t, d, `INSERT INTO t VALUES (zeroblob(1048576))`); err != nil {
			t.Fatal(err)
		}
	}
	if size() <= limit {
		t.Fatalf("the log has only %d bytes: this test shows nothing", size())
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // one writes the log back into the file, the next begins it anew
		if err := exec(t, d, `INSERT INTO t VALUES ('x')`); err != nil {
			t.Fatal(err)
		}
	}
	if size() > limit {
		t.Errorf("the log still has %d bytes", size())
	}
}
