package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrMigrationEdited says that a schema file has changed since this database ran it.
var ErrMigrationEdited = errors.New("the schema file was edited after this database had run it: " +
	"restore the file, and change the schema with a new one")

// ErrSchemaTooNew says that a newer version of the program, or another service, has already changed this database.
var ErrSchemaTooNew = errors.New("the database has a schema that this program does not know: " +
	"it is another service's, or that of a newer version, which then has to run")

// ErrSchemaTooOld says that the program has migrations that this database has not run.
var ErrSchemaTooOld = errors.New("the database has the schema of an earlier version")

const migrateTimeout = 10 * time.Minute

// Migrate brings the schema up to date: it runs the numbered files in the dialect's directory that have not run yet, in
// their order. On SQLite all run in one transaction. On MySQL a schema change commits by itself, and the process can
// end before the change is recorded, so a file holds one statement, which may run twice. Processes that start together
// wait for each other.
func (d *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	all, err := d.readMigrations(migrations)
	if err == nil {
		err = d.locked(ctx, func(conn *sqlx.Conn) error { return d.apply(ctx, conn, all) })
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// CheckMigrated fails with ErrSchemaTooOld or ErrSchemaTooNew unless the database has run these migrations and no others.
// It changes nothing.
func (d *DB) CheckMigrated(ctx context.Context, migrations fs.FS) error {
	all, err := d.readMigrations(migrations)
	if err != nil {
		return fmt.Errorf("check schema: %w", err)
	}
	var applied []string
	if err := d.Reader().SelectContext(ctx, &applied, `SELECT name FROM migrations`); err != nil {
		return fmt.Errorf("check schema: %w", err)
	}
	for _, m := range all {
		if !slices.Contains(applied, m.name) {
			return fmt.Errorf("%w (%s is missing)", ErrSchemaTooOld, m.name)
		}
	}
	return checkKnown(all, slices.Values(applied))
}

func checkKnown(all []migration, applied iter.Seq[string]) error {
	for name := range applied {
		if !slices.ContainsFunc(all, func(m migration) bool { return m.name == name }) {
			return fmt.Errorf("%w (found %s)", ErrSchemaTooNew, name)
		}
	}
	return nil
}

// locked runs fn on a connection that holds the lock of the migrations.
func (d *DB) locked(ctx context.Context, fn func(*sqlx.Conn) error) error {
	conn, err := d.migrate.Connx(ctx)
	if err != nil {
		return err
	}
	unlock, err := d.lockMigrations(ctx, conn)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	err = fn(conn)
	if _, unlockErr := conn.ExecContext(ctx, unlock); unlockErr != nil {
		err = errors.Join(err, unlockErr)
	}
	return errors.Join(err, conn.Close())
}

// lockMigrations takes the lock and returns the statement that releases it.
func (d *DB) lockMigrations(ctx context.Context, conn *sqlx.Conn) (unlock string, err error) {
	lock, unlock := d.dialect.migrationLock()
	if lock == "" {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return "COMMIT", err
	}
	var taken sql.NullInt64
	if err := conn.GetContext(ctx, &taken, lock); err != nil {
		return "", err
	}
	if taken.Int64 != 1 {
		return "", errors.New("another process has held the lock of the migrations for too long")
	}
	return unlock, nil
}

// The tables of this package: the migrations that have run, the SHA-256 of each, and the id of the office that owns
// this database. The sums have a table of their own because databases made by the first versions have none.
const (
	migrationsTable = `CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(100) PRIMARY KEY, applied_at BIGINT NOT NULL)`
	sumsTable       = `CREATE TABLE IF NOT EXISTS migration_sums (name VARCHAR(100) PRIMARY KEY, sha256 CHAR(64) NOT NULL)`
	ownerTable      = `CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY CHECK (one = 1), id VARCHAR(64) NOT NULL)`
)

// migration is a schema file. Once it has run anywhere it is never edited, because the databases that have run it would
// differ from those that run it later.
type migration struct {
	name, statement, sum string
}

// readMigrations reads the files in the dialect's directory, in their order.
func (d *DB) readMigrations(migrations fs.FS) ([]migration, error) {
	files, err := fs.Glob(migrations, path.Join(d.Name(), "*.sql"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(fmt.Errorf("no schema files for %s", d.Name()), err)
	}
	slices.Sort(files)
	var all []migration
	for _, file := range files {
		statement, err := fs.ReadFile(migrations, file)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{path.Base(file), string(statement), fmt.Sprintf("%x", sha256.Sum256(statement))})
	}
	return all, nil
}

// apply runs the migrations that have not run yet, and refuses unknown and edited ones.
func (d *DB) apply(ctx context.Context, conn *sqlx.Conn, all []migration) error {
	for _, table := range []string{migrationsTable, sumsTable, ownerTable} {
		if _, err := conn.ExecContext(ctx, table); err != nil {
			return err
		}
	}
	applied, err := readApplied(ctx, conn)
	if err != nil {
		return err
	}
	if err := checkKnown(all, maps.Keys(applied)); err != nil {
		return err
	}
	for _, m := range all {
		sum, ran := applied[m.name]
		switch {
		case sum == m.sum:
			continue
		case sum != "":
			return fmt.Errorf("%s: %w", m.name, ErrMigrationEdited)
		case !ran:
			if err := d.run(ctx, conn, m); err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, `INSERT INTO migration_sums (name, sha256) VALUES (?, ?)`, m.name, m.sum); err != nil {
			return fmt.Errorf("record the sum of %s: %w", m.name, err)
		}
	}
	return nil
}

// run runs one migration and records it.
func (d *DB) run(ctx context.Context, conn *sqlx.Conn, m migration) error {
	if _, err := conn.ExecContext(ctx, m.statement); err != nil && !d.dialect.ranBefore(err) {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if _, err := conn.ExecContext(ctx, `INSERT INTO migrations (name, applied_at) VALUES (?, ?)`,
		m.name, time.Now().UnixMilli()); err != nil {
		return fmt.Errorf("record %s: %w", m.name, err)
	}
	return nil
}

// readApplied returns the sums of the migrations that have run, by name. The sum is empty for one that ran before sums
// were recorded.
func readApplied(ctx context.Context, conn *sqlx.Conn) (sums map[string]string, err error) {
	var rows []struct {
		Name string         `db:"name"`
		Sum  sql.NullString `db:"sha256"`
	}
	if err := conn.SelectContext(ctx, &rows, `SELECT m.name, s.sha256 FROM migrations m
		LEFT JOIN migration_sums s ON s.name = m.name`); err != nil {
		return nil, err
	}
	sums = map[string]string{}
	for _, row := range rows {
		sums[row.Name] = row.Sum.String
	}
	return sums, nil
}
