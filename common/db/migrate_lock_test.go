package db

import (
	"path/filepath"
	"testing"
	"testing/fstest"
)

// lockedDialect is SQLite with a lock of the migrations as MySQL has it, which answers what a test wants.
type lockedDialect struct {
	sqliteDialect
	answer string
}

func (d lockedDialect) migrationLock() (lock, unlock string) { return "SELECT " + d.answer, "SELECT 1" }

// GET_LOCK answers 0 when another process has held the lock for too long, and NULL when it failed. The answer was not looked
// at, and two processes changed one schema at the same time.
func TestMigrationsWaitForTheirLock(t *testing.T) {
	files := fstest.MapFS{"sqlite/001_t.sql": {Data: []byte(`CREATE TABLE t (a INTEGER)`)}}
	for answer, taken := range map[string]bool{"1": true, "0": false, "NULL": false} {
		d, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		d.dialect = lockedDialect{answer: answer}
		err = d.Migrate(t.Context(), files)
		if (err == nil) != taken {
			t.Errorf("the lock answers %s, and the migration ends with %v", answer, err)
		}
		var tables int
		err = d.Reader().GetContext(t.Context(), &tables, `SELECT COUNT(*) FROM sqlite_master WHERE name = 't'`)
		if err != nil || tables > 0 != taken {
			t.Errorf("the lock answers %s: %d tables, %v", answer, tables, err)
		}
	}
}
