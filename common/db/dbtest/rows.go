package dbtest

import (
	"testing"

	"boxoffice/common/db"
)

// Insert inserts rows in a transaction of its own; into and values are those of db.Tx.Insert.
func Insert(t testing.TB, d *db.DB, into string, values ...any) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error { return tx.Insert(t.Context(), into, values) }); err != nil {
		t.Fatal(err)
	}
}

// Exec runs a statement in a transaction of its own.
func Exec(t testing.TB, d *db.DB, statement string, args ...any) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
