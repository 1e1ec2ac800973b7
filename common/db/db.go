// Package db opens the database of one service: SQLite by default, MySQL or TiDB when told so, with the same statements
// on all of them. It knows no table.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrCommitInDoubt says that COMMIT was sent and no answer came: the transaction may or may not have happened.
var ErrCommitInDoubt = errors.New("commit in doubt")

const (
	pingTimeout    = 5 * time.Second
	retryLimit     = 5
	retryPause     = 5 * time.Millisecond
	sqliteReaders  = 4
	mysqlPool      = 16
	connectionLife = 5 * time.Minute
)

// DB is one service's database. SQLite has a single writing connection and a few reading ones; MySQL has one pool.
type DB struct {
	dialect dialect
	write   *sqlx.DB
	read    *sqlx.DB
	migrate *sqlx.DB // on MySQL a pool of its own, whose statements may take long
}

// Open connects to dsn and checks that the database answers. The forms are sqlite:PATH and
// mysql://user:password@host:port/database.
func Open(ctx context.Context, dsn string) (*DB, error) {
	var d *DB
	var err error
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		d, err = openSQLite(rest)
	case "mysql":
		d, err = openMySQL(dsn)
	default:
		return nil, errors.New("open database: the DSN must begin with sqlite: or mysql://")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := d.firstPing(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.Close())
	}
	return d, nil
}

// firstPing tries again while SQLite is busy: two processes that open a new file together both want to switch it to
// WAL, and SQLite refuses the second one without waiting.
func (d *DB) firstPing(ctx context.Context) error {
	for {
		err := d.Ping(ctx)
		if err == nil || !d.dialect.wantsRetry(err) {
			return err
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// Name is the dialect's: sqlite or mysql.
func (d *DB) Name() string { return d.dialect.name() }

// Reader is where statements outside a transaction go. On SQLite it cannot write and does not wait for the writer.
func (d *DB) Reader() *sqlx.DB { return d.read }

// Ping asks the database for an answer.
func (d *DB) Ping(ctx context.Context) error { return d.write.PingContext(ctx) }

// Close closes every connection. It is idempotent, as it is for a pool that stands for several of the three.
func (d *DB) Close() error { return errors.Join(d.migrate.Close(), d.read.Close(), d.write.Close()) }

// InTx runs fn in one transaction and commits it. When the database asks for another try (deadlock, lock wait, busy),
// fn runs again, a bounded number of times, so it must not keep anything from a run that failed. An error that wraps
// ErrCommitInDoubt leaves the outcome open; after any other error nothing has happened.
func (d *DB) InTx(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := d.tryTx(ctx, fn)
		if err == nil || try == retryLimit || !d.dialect.wantsRetry(err) {
			return err
		}
		select {
		case <-time.After(time.Duration(try) * retryPause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func (d *DB) tryTx(ctx context.Context, fn func(*Tx) error) error {
	tx, err := d.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(&Tx{tx, d.dialect}); err != nil {
		// The rollback's own error says only that the connection is gone, which fn's error says better.
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		if d.dialect.wantsRetry(err) {
			return fmt.Errorf("commit: %w", err)
		}
		return fmt.Errorf("%w: %w", ErrCommitInDoubt, err)
	}
	return nil
}

// IsDuplicate tells a primary or unique key violation from other errors.
func (d *DB) IsDuplicate(err error) bool { return d.dialect.isDuplicate(err) }

// IsConstraint tells a CHECK violation from other errors: the schema has refused an impossible state.
func (d *DB) IsConstraint(err error) bool { return d.dialect.isConstraint(err) }

// closedPool is in the error of a pool that was closed, which database/sql does not export.
const closedPool = "sql: database is closed"

// IsUnavailable tells a database that cannot do its work now (away, read-only, full, shutting down, out of time) from one
// that refuses what it was given: another try may succeed, and a part of it would fail the same way.
func (d *DB) IsUnavailable(err error) bool {
	var network net.Error
	if err == nil {
		return false
	}
	return d.dialect.isUnavailable(err) || d.dialect.wantsRetry(err) || errors.Is(err, ErrCommitInDoubt) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.As(err, &network) || strings.Contains(err.Error(), closedPool)
}
