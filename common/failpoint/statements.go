//go:build failpoints

package failpoint

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"path"
	"regexp"
	"strings"
	"sync"
)

// Through returns what stands between a database and who uses it. At every statement, BEGIN, COMMIT and ROLLBACK it kills the
// process or cuts the connection, before or afterwards, if a drill asks for it: after a COMMIT the transaction is then committed,
// and nobody is told.
func Through(dsn string) func(driver.Connector) driver.Connector {
	name, _, _ := strings.Cut(path.Base(dsn), "?")
	name = strings.TrimSuffix(name[strings.LastIndex(name, "_")+1:], ".db") // boxoffice_stock is stock
	return func(c driver.Connector) driver.Connector { return &connector{Connector: c, database: name} }
}

type connector struct {
	driver.Connector
	database string
	seen     sync.Map // statements
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connection cannot be cut"), inner.Close())
	}
	return &conn{fullConn: full, connector: c}, nil
}

// fullConn is what the connections of both drivers can do.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is a connection that can be cut. It needs no lock, because database/sql uses it from one goroutine at a time.
type conn struct {
	fullConn
	connector *connector
	cut       bool
	last      string // the last statement, by which a COMMIT is known
}

// at runs a statement, unless the connection is cut before or afterwards. It is one that the drill may ask for by its words.
func (c *conn) at(words string, run func() error) error {
	name := c.connector.database + ": " + words
	if _, known := c.connector.seen.LoadOrStore(name, nil); !known {
		if err := note(name); err != nil {
			return err
		}
	}
	if err := c.maybe("before " + name); err != nil {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	return c.maybe("after " + name)
}

// maybe does what a drill asks for here.
func (c *conn) maybe(here string) error {
	switch claim(here) {
	case actKill:
		die()
	case actCut:
		c.cut = true
	}
	if c.cut {
		return lost()
	}
	return nil
}

// lost is the error of a connection that breaks.
func lost() error { return &net.OpError{Op: "read", Net: "tcp", Err: io.ErrUnexpectedEOF} }

// words are a statement without its values, however many rows it has.
func words(query string) string {
	query = strings.Join(strings.Fields(query), " ")
	query = regexp.MustCompile(`\?(, ?\?)+`).ReplaceAllString(query, "?")
	query = regexp.MustCompile(`\(\?\)(, ?\(\?\))+`).ReplaceAllString(query, "(?)")
	return query
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	c.last = words(query)
	err = c.at(c.last, func() (err error) {
		result, err = c.fullConn.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	c.last = words(query)
	err = c.at(c.last, func() (err error) {
		rows, err = c.fullConn.QueryContext(ctx, query, args)
		return err
	})
	if err != nil && rows != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return rows, err
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.last = ""
	var inner driver.Tx
	err := c.at("BEGIN", func() (err error) {
		inner, err = c.fullConn.BeginTx(ctx, opts)
		return err
	})
	return &tx{inner, c}, err
}

// CheckNamedValue lets the driver convert values if it does so itself.
func (c *conn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// IsValid is false for a connection that was cut: database/sql closes it, which rolls back what it had not committed.
func (c *conn) IsValid() bool { return !c.cut && c.fullConn.IsValid() }

// ResetSession refuses a connection that was cut.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.cut {
		return driver.ErrBadConn
	}
	return c.fullConn.ResetSession(ctx)
}

// tx is a transaction whose COMMIT can be cut off.
type tx struct {
	driver.Tx
	conn *conn
}

func (t *tx) Commit() error {
	return t.conn.at("COMMIT after "+t.conn.last, t.Tx.Commit)
}

func (t *tx) Rollback() error {
	return t.conn.at("ROLLBACK", t.Tx.Rollback)
}
