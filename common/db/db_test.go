package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/db/dbtest"
)

const schema = `CREATE TABLE IF NOT EXISTS tickets (id VARCHAR(20) NOT NULL PRIMARY KEY, free_seats BIGINT NOT NULL CHECK (free_seats >= 0))`

func migrations(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for _, name := range files {
		for _, dialect := range []string{"sqlite", "mysql"} {
			m[dialect+"/"+name] = &fstest.MapFile{Data: []byte(schema)}
		}
	}
	return m
}

func exec(t *testing.T, d *db.DB, statement string, args ...any) error {
	t.Helper()
	return d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	})
}

func count(t *testing.T, d *db.DB) int {
	t.Helper()
	var n int
	if err := d.Reader().GetContext(t.Context(), &n, `SELECT COUNT(*) FROM tickets`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKeyAndCheckViolationsAreTold(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	const insert = `INSERT INTO tickets (id, free_seats) VALUES (?, ?)`
	if err := exec(t, d, insert, "a", 1); err != nil {
		t.Fatal(err)
	}
	if err := exec(t, d, insert, "a", 1); !d.IsDuplicate(err) || d.IsConstraint(err) {
		t.Errorf("same key twice: %v, want a duplicate", err)
	}
	if err := exec(t, d, `UPDATE tickets SET free_seats = free_seats - 2`); !d.IsConstraint(err) || d.IsDuplicate(err) {
		t.Errorf("below zero: %v, want a constraint violation", err)
	}
}

func TestInTxRollsBackOnError(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	refused := errors.New("refused")
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO tickets (id, free_seats) VALUES ('a', 1)`); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) || count(t, d) != 0 {
		t.Errorf("InTx: %v and %d rows, want the error and none", err, count(t, d))
	}
}

// MySQL reports 0 changed rows for an update that sets what is already there unless it is asked for matched rows; a
// guarded update would then take a repeated one for a lost race.
func TestAffectedRowsAreThoseThatMatch(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	if err := exec(t, d, `INSERT INTO tickets (id, free_seats) VALUES ('a', 1)`); err != nil {
		t.Fatal(err)
	}
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		result, err := tx.ExecContext(t.Context(), `UPDATE tickets SET free_seats = 1 WHERE id = 'a'`)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			t.Errorf("%d rows affected, %v, want 1", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWritersWaitForEachOther(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	if err := exec(t, d, `INSERT INTO tickets (id, free_seats) VALUES ('a', 100)`); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for range 100 {
		writers.Go(func() {
			if err := exec(t, d, `UPDATE tickets SET free_seats = free_seats - 1 WHERE id = 'a' AND free_seats >= 1`); err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	writers.Wait()
	var free int
	if err := d.Reader().GetContext(t.Context(), &free, `SELECT free_seats FROM tickets`); err != nil || free != 0 {
		t.Errorf("%d seats left, %v, want 0", free, err)
	}
}

func TestMigrateTwiceAndTogether(t *testing.T) {
	dsn := dbtest.DSN(t)
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() {
			d, err := db.Open(t.Context(), dsn)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if err := errors.Join(d.Migrate(t.Context(), migrations("001_tickets.sql")), d.Close()); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	starters.Wait()
	d := dbtest.Open(t, dsn, migrations("001_tickets.sql", "002_more.sql"))
	if err := d.Migrate(t.Context(), migrations("001_tickets.sql")); !errors.Is(err, db.ErrSchemaTooNew) {
		t.Errorf("older program: %v, want ErrSchemaTooNew", err)
	}
}

// The doctor of a new version said "no such table" of a database that the old version had left.
func TestCheckMigratedChangesNothing(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql", "002_more.sql"))
	for _, c := range []struct {
		files []string
		want  error
	}{
		{[]string{"001_tickets.sql", "002_more.sql"}, nil},
		{[]string{"001_tickets.sql", "002_more.sql", "003_most.sql"}, db.ErrSchemaTooOld},
		{[]string{"001_tickets.sql"}, db.ErrSchemaTooNew},
	} {
		for range 2 {
			if err := d.CheckMigrated(t.Context(), migrations(c.files...)); !errors.Is(err, c.want) {
				t.Errorf("with %q: %v, want %v", c.files, err, c.want)
			}
		}
	}
}

func TestBadDSNIsRefusedInOneSentence(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://x":                     "sqlite: or mysql://",
		"":                                 "sqlite: or mysql://",
		"sqlite:":                          "path is missing",
		"mysql://nowhere":                  "mysql://user:password@host:port/database",
		"mysql://u:p@127.0.0.1:1/database": "refused",
	} {
		d, err := db.Open(t.Context(), dsn)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want an error with %q", dsn, err, want)
		}
		if d != nil {
			t.Errorf("Open(%q) gave a database with its error", dsn)
		}
	}
}

func TestPathMayHoldSpacesAndQuestionMarks(t *testing.T) {
	d := dbtest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "a b?c", "x.db"), migrations("001_tickets.sql"))
	if n := count(t, d); n != 0 {
		t.Errorf("%d rows in a new database", n)
	}
}

func TestCancelledContextEndsInTx(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.InTx(ctx, func(*db.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("InTx: %v, want Canceled", err)
	}
}

// A migration that rebuilds a large table took longer than any statement of a sale may, and the start failed with a
// broken connection while the server went on with it.
func TestMigrationMayTakeLongerThanAStatement(t *testing.T) {
	dsn := dbtest.DSN(t)
	if strings.HasPrefix(dsn, "sqlite:") {
		t.Skip("only MySQL's connections have a time limit")
	}
	dbtest.Open(t, dsn, fstest.MapFS{"mysql/001_slow.sql": &fstest.MapFile{Data: []byte("DO SLEEP(11)")}})
}

// A connection that an operator kills, or a server that takes no writes, answered 500: the driver's sentence was taken
// for a fault of the statement.
func TestKilledAndReadOnlyConnectionsAreUnavailable(t *testing.T) {
	if strings.HasPrefix(dbtest.DSN(t), "sqlite:") {
		t.Skip("SQLite has no connections to kill")
	}
	d := dbtest.New(t, migrations("001_tickets.sql"))
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		var id int64
		if err := tx.GetContext(t.Context(), &id, `SELECT CONNECTION_ID()`); err != nil {
			return err
		}
		if _, err := d.Reader().ExecContext(t.Context(), `KILL `+strconv.FormatInt(id, 10)); err != nil {
			t.Fatal(err)
		}
		_, err := tx.ExecContext(t.Context(), `INSERT INTO tickets (id, free_seats) VALUES ('a', 1)`)
		return err
	})
	if err == nil || !d.IsUnavailable(err) {
		t.Errorf("killed connection: %v, want unavailable", err)
	}
	err = d.InTx(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `START TRANSACTION READ ONLY`); err != nil {
			t.Fatal(err)
		}
		_, err := tx.ExecContext(t.Context(), `INSERT INTO tickets (id, free_seats) VALUES ('b', 1)`)
		return err
	})
	if err == nil || !d.IsUnavailable(err) {
		t.Errorf("read-only transaction: %v, want unavailable", err)
	}
	if n := count(t, d); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
}

// A schema file was edited after it had run: the old databases kept the old table, the new ones got the new one, and
// statements failed on one of them.
func TestEditedMigrationIsRefused(t *testing.T) {
	dsn := dbtest.DSN(t)
	files := migrations("001_tickets.sql")
	d := dbtest.Open(t, dsn, files)
	if err := d.Migrate(t.Context(), files); err != nil {
		t.Errorf("the same files again: %v", err)
	}
	for _, file := range files {
		file.Data = append(file.Data, " -- edited"...)
	}
	if err := d.Migrate(t.Context(), files); !errors.Is(err, db.ErrMigrationEdited) || !strings.Contains(err.Error(), "001_tickets.sql") {
		t.Errorf("an edited file: %v, want a refusal with its name", err)
	}
}

// Databases of the first versions kept no sums: they get them at the next start, and are frozen from then on.
func TestDatabaseWithoutSumsGetsThem(t *testing.T) {
	files := migrations("001_tickets.sql")
	d := dbtest.New(t, files)
	if err := exec(t, d, `DROP TABLE migration_sums`); err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		file.Data = append(file.Data, " -- edited"...)
	}
	if err := d.Migrate(t.Context(), files); !errors.Is(err, db.ErrMigrationEdited) {
		t.Errorf("an edited file: %v, want a refusal", err)
	}
}

func TestFirstOwnerStays(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	if id, err := d.Owner(t.Context()); id != "" || err != nil {
		t.Errorf("new database belongs to %q, %v", id, err)
	}
	for _, id := range []string{"east", "west"} {
		if owner, err := d.Own(t.Context(), id); owner != "east" || err != nil {
			t.Errorf("%s finds the owner %q, %v, want east", id, owner, err)
		}
	}
}

func TestClockSkewIsAgainstTheServer(t *testing.T) {
	d := dbtest.New(t, migrations("001_tickets.sql"))
	ahead := 90 * time.Second
	if d.Name() == "sqlite" {
		ahead = 0 // it is this machine
	}
	skew, err := d.ClockSkew(t.Context(), func() time.Time { return time.Now().Add(90 * time.Second) })
	if err != nil || (skew-ahead).Abs() > time.Second {
		t.Errorf("skew is %v, %v, want about %v", skew, err, ahead)
	}
}
