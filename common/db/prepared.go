package db

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// preparedMax is how many statements a connection keeps compiled, which is more than a service has that write.
const preparedMax = 32

// preparedConnector is a connector whose connections keep a cache of compiled statements. Without it SQLite compiles a
// statement at each run, which for an INSERT of many rows costs as much as running it.
type preparedConnector struct {
	driver driver.Driver
	dsn    string
}

// openPrepared is sql.Open with connections that cache compiled statements.
func openPrepared(name, dsn string, through func(driver.Connector) driver.Connector) (*sql.DB, error) {
	pool, err := sql.Open(name, dsn)
	if err != nil {
		return nil, err
	}
	var connector driver.Connector = preparedConnector{pool.Driver(), dsn}
	if through != nil {
		connector = through(connector)
	}
	return sql.OpenDB(connector), pool.Close()
}

// plainConnector is a connector whose connections are the driver's.
type plainConnector struct {
	driver driver.Driver
	dsn    string
}

func (c plainConnector) Driver() driver.Driver { return c.driver }

func (c plainConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

func (c preparedConnector) Driver() driver.Driver { return c.driver }

func (c preparedConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	sqlite, ok := conn.(DriverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlite: the driver's %T cannot keep statements", conn), conn.Close())
	}
	return &preparedConn{DriverConn: sqlite, cached: map[string]*list.Element{}, recent: list.New()}, nil
}

// DriverConn is what the connections of both drivers can do. Whoever puts something between database/sql and a driver passes
// all of it on.
type DriverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is a connection with an LRU cache of compiled statements. It needs no lock, because database/sql uses a
// connection from one goroutine at a time.
type preparedConn struct {
	DriverConn
	cached map[string]*list.Element // by query
	recent *list.List               // of cachedStmt, the most recently used first
}

type cachedStmt struct {
	query string
	driver.Stmt
}

// ExecContext runs a statement from the cache, after it has added it in place of the least recently used one. A query
// is not cached, because its rows may still be read when it runs again.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	stmt, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	execer, ok := stmt.(driver.StmtExecContext)
	if !ok {
		return c.DriverConn.ExecContext(ctx, query, args)
	}
	return execer.ExecContext(ctx, args)
}

// statement returns the compiled statement of a query, from the cache if it is there.
func (c *preparedConn) statement(ctx context.Context, query string) (driver.Stmt, error) {
	if element, exists := c.cached[query]; exists {
		c.recent.MoveToFront(element)
		return element.Value.(cachedStmt).Stmt, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.cached[query] = c.recent.PushFront(cachedStmt{query, stmt})
	if c.recent.Len() > preparedMax {
		return stmt, c.drop(c.recent.Back())
	}
	return stmt, nil
}

// drop removes a statement from the cache and closes it.
func (c *preparedConn) drop(element *list.Element) error {
	old := c.recent.Remove(element).(cachedStmt)
	delete(c.cached, old.query)
	return old.Close()
}

// Close closes the cached statements and then the connection.
func (c *preparedConn) Close() error {
	var err error
	for c.recent.Len() > 0 {
		err = errors.Join(err, c.drop(c.recent.Back()))
	}
	return errors.Join(err, c.DriverConn.Close())
}
