package db

import (
	"path/filepath"
	"testing"
)

// A database that answered pings and refused every write (read-only after a failover) left a process ready.
func TestCheckWritableWrites(t *testing.T) {
	d, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	exec := func(statement string) {
		t.Helper()
		if err := d.InTx(t.Context(), func(tx *Tx) error { _, err := tx.ExecContext(t.Context(), statement); return err }); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE probe (id INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL) STRICT`)
	for range 2 {
		if err := d.CheckWritable(t.Context()); err != nil {
			t.Fatalf("writable: %v", err)
		}
	}
	exec(`PRAGMA query_only = 1`)
	if err := d.Ping(t.Context()); err != nil {
		t.Fatalf("it should answer: %v", err)
	}
	if err := d.CheckWritable(t.Context()); !d.IsUnavailable(err) {
		t.Errorf("read-only: %v, want unavailable", err)
	}
}
