package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"boxoffice/common/event"
	"boxoffice/stock"
)

const lockWait = 30 * time.Second

// baselineDB is the database of the baselines: what an order needs, in tables of one database without a secondary index,
// as durable as ours. All of that is to the baselines' favour.
type baselineDB struct {
	pool    *sql.DB
	mysql   bool
	created atomic.Int64 // order rows that were committed

	insertReservation, insertOrder, takeStock *sql.Stmt
}

// newBaselineDB makes fresh tables and prepares the statements, on a pool of so many connections.
func newBaselineDB(ctx context.Context, f *fixture, connections int) (*baselineDB, error) {
	dsn := f.baselineDSN
	if dsn == "" {
		var err error
		if dsn, err = f.dsn(ctx, "baseline"); err != nil {
			return nil, err
		}
	}
	d, err := openBaselineDB(ctx, f, dsn)
	if err != nil {
		return nil, err
	}
	d.pool.SetMaxOpenConns(connections)
	d.pool.SetMaxIdleConns(connections)
	if err := d.migrate(ctx); err != nil {
		return nil, fmt.Errorf("make tables: %w", err)
	}
	return d, d.prepareAll(ctx, f)
}

// openBaselineDB opens a database whose tables may be there already.
func openBaselineDB(ctx context.Context, f *fixture, dsn string) (*baselineDB, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		pool, err := sql.Open("sqlite", sqliteFile(path))
		if err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
		f.onClose(pool.Close)
		return &baselineDB{pool: pool}, nil
	}
	d, err := f.openDB(ctx, dsn)
	if err != nil {
		return nil, err
	}
	return &baselineDB{pool: d.Reader().DB, mysql: true}, nil
}

func sqliteFile(path string) string {
	pragmas := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", lockWait.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
}

func (d *baselineDB) migrate(ctx context.Context) error {
	columns := `screening_id VARCHAR(64) NOT NULL, buyer_id VARCHAR(64) NOT NULL, quantity BIGINT NOT NULL,
		amount BIGINT NOT NULL, currency VARCHAR(8) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, state VARCHAR(16) NOT NULL`
	for _, statement := range []string{
		`CREATE TABLE stock (screening_id VARCHAR(64) NOT NULL PRIMARY KEY, capacity BIGINT NOT NULL,
			available BIGINT NOT NULL CHECK (available >= 0))`,
		`CREATE TABLE reservations (order_id VARCHAR(26) NOT NULL PRIMARY KEY, ` + columns + `)`,
		`CREATE TABLE orders (id VARCHAR(26) NOT NULL PRIMARY KEY, ` + columns + `)`,
		`CREATE TABLE payments (id VARCHAR(64) NOT NULL PRIMARY KEY, order_id VARCHAR(26) NOT NULL, amount BIGINT NOT NULL,
			received_at BIGINT NOT NULL)`,
	} {
		if _, err := d.pool.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err := d.pool.ExecContext(ctx, `INSERT INTO stock (screening_id, capacity, available) VALUES (?, ?, ?)`,
		screening, hotCapacity, hotCapacity)
	return err
}

func (d *baselineDB) prepareAll(ctx context.Context, f *fixture) (err error) {
	const columns = `screening_id, buyer_id, quantity, amount, currency, created_at, expires_at, state) VALUES (?, ?, ?, 1, ?, ?, ?, ?, `
	d.insertReservation, err = d.prepare(ctx, f, `INSERT INTO reservations (order_id, `+columns+`'reserved')`)
	if err != nil {
		return err
	}
	d.insertOrder, err = d.prepare(ctx, f, `INSERT INTO orders (id, `+columns+`'PENDING_PAYMENT')`)
	if err != nil {
		return err
	}
	d.takeStock, err = d.prepare(ctx, f, `UPDATE stock SET available = available - 1 WHERE screening_id = ? AND available >= 1`)
	return err
}

// prepare prepares a statement, until the fixture closes.
func (d *baselineDB) prepare(ctx context.Context, f *fixture, query string) (*sql.Stmt, error) {
	statement, err := d.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	f.onClose(statement.Close)
	return statement, nil
}

// execIn runs a prepared statement in a transaction.
func execIn(ctx context.Context, tx *sql.Tx, prepared *sql.Stmt, args ...any) (sql.Result, error) {
	bound := tx.StmtContext(ctx, prepared)
	defer func() { _ = bound.Close() }() // the end of the transaction would do it too
	return bound.ExecContext(ctx, args...)
}

// inTx runs fn in a transaction. It returns errBusy for a refusal of the database that leaves nothing behind: a deadlock,
// or a lock that was waited for too long.
func (d *baselineDB) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.pool.BeginTx(ctx, nil)
	if err != nil {
		return refusal(fmt.Errorf("begin: %w: %w", errBusy, err)) // nothing has been done
	}
	if err := fn(tx); err != nil {
		return refusal(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// refusal is what inTx returns for an error before the commit.
func refusal(err error) error {
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
func (d *baselineDB) insert(ctx context.Context, tx *sql.Tx, p purchase) error {
	now := time.Now()
	args := []any{
		stock.RequestID(p.buyer(), p.key()), screening, p.buyer(), ticketPrice, currency, now.UnixMilli(), now.Add(longWindow).UnixMilli(),
	}
	if _, err := execIn(ctx, tx, d.insertReservation, args...); err != nil {
		return fmt.Errorf("insert reservation: %w", err)
	}
	args[0] = stock.NewID(now)
	if _, err := execIn(ctx, tx, d.insertOrder, args...); err != nil {
		return fmt.Errorf("insert order: %w", err)
	}
	return nil
}

func (d *baselineDB) rows(context.Context) (int64, error) { return d.created.Load(), nil }

// verify compares the rows with what the buyers were told: every ticket that is gone has one reservation and one order.
func (d *baselineDB) verify(ctx context.Context, accepted int64) error {
	var gone, reservations, orders int64
	if err := d.pool.QueryRowContext(ctx, `SELECT capacity - available, (SELECT COUNT(*) FROM reservations),
		(SELECT COUNT(*) FROM orders) FROM stock WHERE screening_id = ?`, screening).Scan(&gone, &reservations, &orders); err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	if gone != accepted || reservations != accepted || orders != accepted {
		return fmt.Errorf("the rows are wrong: %d accepted, %d tickets gone, %d reservations, %d orders", accepted, gone, reservations, orders)
	}
	return nil
}

// exactlyOne refuses a guarded update that matched nothing.
func exactlyOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d rows matched", n))
	}
	return nil
}

// prefill makes n orders that wait for payment.
func (d *baselineDB) prefill(ctx context.Context, n int, expiresAt time.Time) error {
	const columns = ", screening_id, buyer_id, quantity, amount, currency, created_at, expires_at, state"
	values := func(state string, id func(event.Order) string) func(event.Order) []any {
		return func(o event.Order) []any {
			return []any{id(o), o.ScreeningID, o.BuyerID, o.Quantity, o.Amount.Amount, o.Amount.Currency, o.CreatedAt, o.ExpiresAt, state}
		}
	}
	pool := sqlx.NewDb(d.pool, "baseline")
	for _, table := range []rowsOf{
		{"reservations", "order_id" + columns, values("reserved", requestOf)},
		{"orders", "id" + columns, values("PENDING_PAYMENT", func(o event.Order) string { return o.ID })},
	} {
		tx, err := pool.BeginTxx(ctx, nil)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		for chunk := range slices.Chunk(prefilled(0, n, n, screening, expiresAt), statementRows) {
			if err := table.insert(ctx, tx, chunk); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	_, err := pool.ExecContext(ctx, `UPDATE stock SET available = available - ? WHERE screening_id = ?`, n, screening)
	return err
}
