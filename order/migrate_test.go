package order

import (
	"context"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
	"boxoffice/sql"
)

// SQLite gets a new constraint only by a new table, into which the orders have to come as they were.
func TestMigrationKeepsTheOrders(t *testing.T) {
	all, err := sql.Order()
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.New(t, before(t, all, "020"))
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO orders (id, screening_id, buyer_id, quantity, amount, currency, state,
			cancel_reason, created_at, expires_at, settled_at) VALUES
			('a', 's', 'alice', 2, 9800, 'CNY', 'PENDING_PAYMENT', NULL, 1, 2, NULL),
			('b', 's', 'bob', 1, 4900, 'CNY', 'CANCELLED', 'buyer', 1, 2, 3)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	read := func() map[string]Order {
		orders, err := readOrders(context.Background(), d.Reader(), []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		return orders
	}
	want := read()
	for range 2 {
		if err := d.Migrate(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		if got := read(); len(got) != 2 || !reflect.DeepEqual(got, want) {
			t.Errorf("orders are %+v, want %+v", got, want)
		}
	}
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		return settleOrders(t.Context(), tx, []string{"a"}, PendingPayment, Cancelled, "a whim", 3)
	}); !d.IsConstraint(err) {
		t.Errorf("an unknown reason: %v, want a constraint", err)
	}
}

// before returns the migrations with numbers below one.
func before(t *testing.T, all fs.FS, number string) fs.FS {
	t.Helper()
	some := fstest.MapFS{}
	err := fs.WalkDir(all, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Compare(path.Base(name), number) >= 0 {
			return err
		}
		content, err := fs.ReadFile(all, name)
		some[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return some
}
