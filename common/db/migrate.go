package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

const migrateTimeout = 10 * time.Minute

// ErrSchemaTooNew says that a newer version of the program, or another service, has already changed this database.
var ErrSchemaTooNew = errors.New("the database has a schema that this program does not know: it is another service's, or that of a newer version, which then has to run")

// Migrate brings the schema up to date from the numbered files in the dialect's directory of migrations. A file for MySQL
// holds one statement that may run twice: a schema change commits by itself, and a stop can fall between it and its
// record. SQLite runs all files in one transaction. Processes that start together wait for each other.
func (d *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	files, err := fs.Glob(migrations, path.Join(d.Name(), "*.sql"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("migrate: no schema files for %s", d.Name()), err)
	}
	slices.Sort(files)
	if err := d.locked(ctx, func(conn *sqlx.Conn) error { return d.apply(ctx, conn, migrations, files) }); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

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

// lockMigrations takes the lock and returns the statement that gives it back.
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

func (d *DB) apply(ctx context.Context, conn *sqlx.Conn, migrations fs.FS, files []string) error {
	const table = `CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(100) PRIMARY KEY, applied_at BIGINT NOT NULL)`
	if _, err := conn.ExecContext(ctx, table); err != nil {
		return err
	}
	var applied []string
	if err := conn.SelectContext(ctx, &applied, `SELECT name FROM migrations ORDER BY name`); err != nil {
		return err
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = path.Base(file)
	}
	for _, name := range applied {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%w (found %s)", ErrSchemaTooNew, name)
		}
	}
	for i, name := range names {
		if slices.Contains(applied, name) {
			continue
		}
		statement, err := fs.ReadFile(migrations, files[i])
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, string(statement)); err != nil && !d.dialect.ranBefore(err) {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := conn.ExecContext(ctx, `INSERT INTO migrations (name, applied_at) VALUES (?, ?)`,
			name, time.Now().UnixMilli()); err != nil {
			return fmt.Errorf("record %s: %w", name, err)
		}
	}
	return nil
}
