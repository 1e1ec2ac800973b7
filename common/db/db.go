// Package db opens the database of one service, SQLite, MySQL or TiDB, and runs the same statements on each of them. It
// knows none of the services' tables.
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

// ErrCommitInDoubt says that COMMIT was sent and no answer came: the transaction may or may not be committed.
var ErrCommitInDoubt = errors.New("commit in doubt")

// ErrAway says that a database server does not answer, or its database has not been prepared yet since it did not. A file is never
// away: nobody will bring it back.
var ErrAway = errors.New("the database does not answer")

// ErrUnopenable says that the file of a database cannot be opened, or not now.
var ErrUnopenable = errors.New("the database file cannot be opened")

const (
	retryLimit = 5
	retryPause = 5 * time.Millisecond
)

// DB is the database of one service. On SQLite it has one connection that writes and a few that read; on MySQL write
// and read are the same pool.
type DB struct {
	dialect dialect
	write   *sqlx.DB
	read    *sqlx.DB
	migrate *sqlx.DB // on MySQL a pool of its own, without a limit on how long a statement takes
}

// Name is the name of the dialect: sqlite or mysql.
func (d *DB) Name() string { return d.dialect.name() }

// Reader is for statements outside a transaction. On SQLite its connections cannot write and do not wait for the
// writer.
func (d *DB) Reader() *sqlx.DB { return d.read }

// Ping checks that the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.write.PingContext(ctx) }

// Close closes every connection. It is idempotent, and closes a pool that several fields share more than once.
func (d *DB) Close() error { return errors.Join(d.migrate.Close(), d.read.Close(), d.write.Close()) }

// InTx runs fn in one transaction and commits it. After a deadlock, a lock wait timeout or a busy database it runs fn
// again, a bounded number of times, so fn must keep nothing from a run that failed. An error that wraps
// ErrCommitInDoubt leaves the outcome open; after any other error nothing is committed.
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
	// What is not committed is rolled back, also when fn panics: its locks would keep everybody waiting. It fails only when
	// the transaction has ended, or when the connection is broken, which fn's error says better.
	defer func() { _ = tx.Rollback() }()
	if err := fn(&Tx{tx, d.dialect}); err != nil {
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

// IsDuplicate tells whether an error is the violation of a primary or unique key.
func (d *DB) IsDuplicate(err error) bool { return d.dialect.isDuplicate(err) }

// IsConstraint tells whether an error is the violation of a CHECK: the schema has refused an impossible state.
func (d *DB) IsConstraint(err error) bool { return d.dialect.isConstraint(err) }

// closedPool is the text of the error of a closed pool, which database/sql does not export.
const closedPool = "sql: database is closed"

// IsUnavailable tells whether an error is an outage (unreachable, read-only, full, shutting down, timeout), after which
// a retry may succeed, and not the refusal of one statement.
func (d *DB) IsUnavailable(err error) bool {
	var network net.Error
	if err == nil {
		return false
	}
	return d.dialect.isUnavailable(err) || d.dialect.wantsRetry(err) || errors.Is(err, ErrCommitInDoubt) || errors.Is(err, ErrAway) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.As(err, &network) || strings.Contains(err.Error(), closedPool)
}
