// Package dbtest gives tests a fresh database: SQLite in a temporary directory, or a new schema on the MySQL server
// that BOXOFFICE_TEST_MYSQL names (mysql://user:password@host:port), so that the same tests run on both.
package dbtest

import (
	"io/fs"
	"testing"

	"boxoffice/common/db"
)

// New opens a fresh, migrated database, which is removed when the test ends.
func New(t testing.TB, migrations fs.FS) *db.DB {
	t.Helper()
	dsn := DSN(t)
	if server := testServer(); server != "" {
		copySchema(t, server, dsn, migrations)
	}
	return Open(t, dsn, migrations)
}
