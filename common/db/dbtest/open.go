package dbtest

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"boxoffice/common/db"
)

// DSN returns the DSN of a fresh, empty database, which is removed when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	server := testServer()
	if server == "" {
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	schema := fmt.Sprintf("boxoffice_test_%08x", rand.Uint32())
	admin, err := db.Open(t.Context(), server+"/information_schema")
	if err != nil {
		t.Fatal(err)
	}
	exec := func(ctx context.Context, statement string) error {
		return admin.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		})
	}
	if err := exec(t.Context(), "CREATE DATABASE "+schema+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exec(context.Background(), "DROP DATABASE "+schema); err != nil {
			t.Errorf("drop %s: %v", schema, err)
		}
		if err := admin.Close(); err != nil {
			t.Errorf("close the administrator's connection: %v", err)
		}
	})
	return server + "/" + schema
}

// Open opens and migrates the database of a DSN until the test ends. A test that restarts a service opens the same DSN
// twice.
func Open(t testing.TB, dsn string, migrations fs.FS) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	if err := d.Migrate(t.Context(), migrations); err != nil {
		t.Fatal(err)
	}
	return d
}

func testServer() string { return os.Getenv("BOXOFFICE_TEST_MYSQL") }
