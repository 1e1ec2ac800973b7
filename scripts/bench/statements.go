package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
)

// statementCounter counts what goes to a database: BEGIN, each statement, COMMIT and ROLLBACK, as each is a round trip
// where the database is a server. It counts nothing twice and misses only the settings of a new connection.
type statementCounter struct {
	all     atomic.Int64
	commits atomic.Int64 // of write transactions: each is one fsync of the log, by synchronous=FULL or flush_log=1
}

// watchAll counts what goes to both databases of an office.
func (s *statementCounter) watchAll(stockDB, orderDB *db.DB) error {
	return errors.Join(s.watch(stockDB), s.watch(orderDB))
}

// watch puts the counter between a database and its connections. It is for the measurements that count: those that take
// the time run without.
func (s *statementCounter) watch(d *db.DB) error {
	pools := []*sqlx.DB{d.Reader()}
	if d.Name() == "sqlite" {
		writer, err := writerOf(d)
		if err != nil {
			return err
		}
		pools = append(pools, writer)
	}
	for _, pool := range pools {
		original := pool.DB
		limit := original.Stats().MaxOpenConnections
		pool.DB = sql.OpenDB(countingConnector{original, s})
		pool.SetMaxOpenConns(limit)
		pool.SetMaxIdleConns(limit)
	}
	return nil
}

// writerOf finds the pool that package db keeps to itself, without changing what production imports.
func writerOf(d *db.DB) (*sqlx.DB, error) {
	field := reflect.ValueOf(d).Elem().FieldByName("write")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*sqlx.DB]() {
		return nil, errors.New("package db has no pool named write any more: count elsewhere")
	}
	return (*sqlx.DB)(field.UnsafePointer()), nil
}

// countingConnector takes the connections of another pool, which has set them up.
type countingConnector struct {
	pool  *sql.DB
	count *statementCounter
}

// Connect keeps a connection of the pool for good.
func (c countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	held, err := c.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	counted := &countingConn{held: held, count: c.count}
	err = held.Raw(func(inner any) error {
		full, ok := inner.(db.DriverConn)
		if !ok {
			return fmt.Errorf("the driver's %T cannot be counted", inner)
		}
		counted.DriverConn = full
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return counted, nil
}

// Driver is the other pool's.
func (c countingConnector) Driver() driver.Driver { return c.pool.Driver() }

// Close closes the other pool, as sql.DB.Close asks for.
func (c countingConnector) Close() error { return c.pool.Close() }

type countingConn struct {
	db.DriverConn
	held  *sql.Conn
	count *statementCounter
}

func (c *countingConn) Close() error { return c.held.Close() }

func (c *countingConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.count.all.Add(1)
	tx, err := c.DriverConn.BeginTx(ctx, options)
	return countingTx{tx, c.count}, err
}

func (c *countingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.count.all.Add(1) // services prepare nothing for long, so a prepared statement is one that runs
	return c.DriverConn.PrepareContext(ctx, query)
}

func (c *countingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.DriverConn.ExecContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.count.all.Add(1)
	}
	return result, err
}

func (c *countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.DriverConn.QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.count.all.Add(1)
	}
	return rows, err
}

func (c *countingConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.DriverConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type countingTx struct {
	driver.Tx
	count *statementCounter
}

func (t countingTx) Commit() error {
	t.count.all.Add(1)
	err := t.Tx.Commit()
	if err == nil {
		t.count.commits.Add(1)
	}
	return err
}

func (t countingTx) Rollback() error {
	t.count.all.Add(1)
	return t.Tx.Rollback()
}
