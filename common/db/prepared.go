package db

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// preparedMax is how many statements a connection keeps compiled: all that a service writes with, and some to spare.
const preparedMax = 32

// prepared is a connector whose connections compile a statement that writes once and keep it. SQLite compiles the text
// of a statement anew at each run, which for an INSERT of many rows costs as much as running it.
type prepared struct {
	driver driver.Driver
	dsn    string
}

// openPrepared is sql.Open with connections that keep what they compile.
func openPrepared(name, dsn string) (*sql.DB, error) {
	pool, err := sql.Open(name, dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(prepared{pool.Driver(), dsn}), pool.Close()
}

func (p prepared) Driver() driver.Driver { return p.driver }

func (p prepared) Connect(context.Context) (driver.Conn, error) {
	conn, err := p.driver.Open(p.dsn)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlite: the driver's %T cannot keep statements", conn), conn.Close())
	}
	return &preparedConn{sqliteConn: full, kept: map[string]*list.Element{}, recent: list.New()}, nil
}

// sqliteConn is what a connection of modernc.org/sqlite can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is used by one goroutine at a time, as database/sql does it.
type preparedConn struct {
	sqliteConn
	kept   map[string]*list.Element
	recent *list.List // of keptStmt, the last used first
}

type keptStmt struct {
	query string
	driver.Stmt
}

// ExecContext runs a statement that it keeps, or keeps one that has not run of late instead of the one that has rested
// longest. A query is not kept: its rows may still be read when it is asked again.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	stmt, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	execer, ok := stmt.(driver.StmtExecContext)
	if !ok {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return execer.ExecContext(ctx, args)
}

func (c *preparedConn) statement(ctx context.Context, query string) (driver.Stmt, error) {
	if element, exists := c.kept[query]; exists {
		c.recent.MoveToFront(element)
		return element.Value.(keptStmt).Stmt, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.kept[query] = c.recent.PushFront(keptStmt{query, stmt})
	if c.recent.Len() > preparedMax {
		return stmt, c.drop(c.recent.Back())
	}
	return stmt, nil
}

func (c *preparedConn) drop(element *list.Element) error {
	old := c.recent.Remove(element).(keptStmt)
	delete(c.kept, old.query)
	return old.Close()
}

// Close closes the statements and then the connection.
func (c *preparedConn) Close() error {
	var err error
	for c.recent.Len() > 0 {
		err = errors.Join(err, c.drop(c.recent.Back()))
	}
	return errors.Join(err, c.sqliteConn.Close())
}
