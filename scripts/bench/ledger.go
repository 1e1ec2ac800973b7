package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"boxoffice/common/db"
	"boxoffice/stock"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
)

const lockWait = 30 * time.Second

// ledger is the baselines' database: what an order needs in three tables of one database, without a secondary index, as
// durable as ours. All of that is to the baselines' favour.
type ledger struct {
	pool    *sql.DB
	mysql   bool
	created atomic.Int64 // order rows that were committed

	insertReservation, insertOrder, takeStock *sql.Stmt
}

// openLedger makes a fresh ledger with a pool of so many connections and prepared statements.
func openLedger(ctx context.Context, r *rig, connections int) (*ledger, error) {
	dsn := r.ledgerDSN
	if dsn == "" {
		var err error
		if dsn, err = r.dsn(ctx, "ledger"); err != nil {
			return nil, err
		}
	}
	l, err := openPool(ctx, r, dsn)
	if err != nil {
		return nil, err
	}
	l.pool.SetMaxOpenConns(connections)
	l.pool.SetMaxIdleConns(connections)
	if err := l.migrate(ctx); err != nil {
		return nil, fmt.Errorf("make ledger: %w", err)
	}
	return l, l.prepare(ctx, r)
}

// openPool opens the database of a ledger that may be there already.
func openPool(ctx context.Context, r *rig, dsn string) (*ledger, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		pool, err := sql.Open("sqlite", sqliteFile(path))
		if err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
		r.onClose(pool.Close)
		return &ledger{pool: pool}, nil
	}
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	r.onClose(d.Close)
	return &ledger{pool: d.Reader().DB, mysql: true}, nil
}

func sqliteFile(path string) string {
	pragmas := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", lockWait.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
}

func (l *ledger) migrate(ctx context.Context) error {
	columns := `screening_id VARCHAR(64) NOT NULL, buyer_id VARCHAR(64) NOT NULL, quantity BIGINT NOT NULL,
		amount BIGINT NOT NULL, currency VARCHAR(8) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, state VARCHAR(16) NOT NULL`
	for _, statement := range []string{
		`CREATE TABLE stock (screening_id VARCHAR(64) NOT NULL PRIMARY KEY, capacity BIGINT NOT NULL, available BIGINT NOT NULL CHECK (available >= 0))`,
		`CREATE TABLE reservations (order_id VARCHAR(26) NOT NULL PRIMARY KEY, ` + columns + `)`,
		`CREATE TABLE orders (id VARCHAR(26) NOT NULL PRIMARY KEY, ` + columns + `)`,
		`CREATE TABLE payments (id VARCHAR(64) NOT NULL PRIMARY KEY, order_id VARCHAR(26) NOT NULL, amount BIGINT NOT NULL, received_at BIGINT NOT NULL)`,
	} {
		if _, err := l.pool.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err := l.pool.ExecContext(ctx, `INSERT INTO stock (screening_id, capacity, available) VALUES (?, ?, ?)`, screening, hotCapacity, hotCapacity)
	return err
}

func (l *ledger) prepare(ctx context.Context, r *rig) (err error) {
	const columns = `screening_id, buyer_id, quantity, amount, currency, created_at, expires_at, state) VALUES (?, ?, ?, 1, ?, ?, ?, ?, `
	l.insertReservation, err = l.statement(ctx, r, `INSERT INTO reservations (order_id, `+columns+`'reserved')`)
	if err != nil {
		return err
	}
	l.insertOrder, err = l.statement(ctx, r, `INSERT INTO orders (id, `+columns+`'PENDING_PAYMENT')`)
	if err != nil {
		return err
	}
	l.takeStock, err = l.statement(ctx, r, `UPDATE stock SET available = available - 1 WHERE screening_id = ? AND available >= 1`)
	return err
}

// statement prepares what the rig closes.
func (l *ledger) statement(ctx context.Context, r *rig, query string) (*sql.Stmt, error) {
	statement, err := l.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	r.onClose(statement.Close)
	return statement, nil
}

// in runs a prepared statement in a transaction.
func in(ctx context.Context, tx *sql.Tx, prepared *sql.Stmt, args ...any) (sql.Result, error) {
	bound := tx.StmtContext(ctx, prepared)
	defer func() { _ = bound.Close() }() // the end of the transaction would do it too
	return bound.ExecContext(ctx, args...)
}

// inTx tells a refusal of the database that leaves nothing behind (deadlock, lock wait) as errBusy.
func (l *ledger) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := l.pool.BeginTx(ctx, nil)
	if err != nil {
		return l.refusal(fmt.Errorf("begin: %w: %w", errBusy, err)) // nothing has been done
	}
	if err := fn(tx); err != nil {
		return l.refusal(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (l *ledger) refusal(err error) error {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok && (e.Number == 1213 || e.Number == 1205) {
		return errBusy
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == 5 {
		return errBusy
	}
	return err
}

// insert writes reservation and order, by prepared statements. As in ours, a repeated key finds its reservation, and
// orders have ids in the order of time.
func (l *ledger) insert(ctx context.Context, tx *sql.Tx, p purchase) error {
	now := time.Now()
	args := []any{stock.RequestID(p.buyer(), p.key()), screening, p.buyer(), ticketPrice, currency, now.UnixMilli(), now.Add(farWindow).UnixMilli()}
	if _, err := in(ctx, tx, l.insertReservation, args...); err != nil {
		return fmt.Errorf("insert reservation: %w", err)
	}
	args[0] = stock.NewID(now)
	if _, err := in(ctx, tx, l.insertOrder, args...); err != nil {
		return fmt.Errorf("insert order: %w", err)
	}
	return nil
}

func (l *ledger) rows(context.Context) (int64, error) { return l.created.Load(), nil }

// rest checks the books: every ticket that is gone has one reservation and one order.
func (l *ledger) rest(ctx context.Context, accepted int64) error {
	var gone, reservations, orders int64
	if err := l.pool.QueryRowContext(ctx, `SELECT capacity - available, (SELECT COUNT(*) FROM reservations),
		(SELECT COUNT(*) FROM orders) FROM stock WHERE screening_id = ?`, screening).Scan(&gone, &reservations, &orders); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if gone != accepted || reservations != accepted || orders != accepted {
		return fmt.Errorf("the ledger is wrong: %d accepted, %d tickets gone, %d reservations, %d orders", accepted, gone, reservations, orders)
	}
	return nil
}
