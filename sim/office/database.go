package office

import (
	"context"
	"database/sql/driver"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"boxoffice/common/db"
	"boxoffice/sim/world"
)

func dsn(dir, base string) string { return "sqlite:" + filepath.Join(dir, base+".db") }

// customer is a process that uses a database, which may not answer, and may die.
type customer interface {
	Reach(part string) error
	Die()
	isDead() bool
	waitForHalf(ctx context.Context, base string) error
	statement(base, query string) string
	hasCommitted(base string)
}

// openFaulty opens a process's connections to a database, at whose statements the world may come in between.
func openFaulty(ctx context.Context, w *world.World, by customer, dsn, base string) (*db.DB, error) {
	return db.OpenThrough(ctx, dsn, func(c driver.Connector) driver.Connector { return faultyConnector{c, w, by, base} })
}

// openQuiet opens a database whose statements nobody comes in between of.
func openQuiet(ctx context.Context, dsn string) (*db.DB, error) {
	return db.OpenThrough(ctx, dsn, func(c driver.Connector) driver.Connector { return keeping{c} })
}

// openMigrated opens a database that nobody disturbs, and brings its schema up to date.
func openMigrated(ctx context.Context, dsn string, migrations func() (fs.FS, error)) (*db.DB, error) {
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	schema, err := migrations()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.Migrate(ctx, schema); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

type faultyConnector struct {
	driver.Connector
	world *world.World
	by    customer
	base  string
}

func (c faultyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := keeping{c.Connector}.Connect(ctx)
	if err != nil {
		return nil, err
	}
	kept, ok := conn.(*keepingConn)
	if !ok {
		return nil, errors.Join(errors.New("the connection keeps nothing"), conn.Close())
	}
	return &faultyConn{keepingConn: kept, world: c.world, by: c.by, base: c.base}, nil
}

// sqliteConn is what a connection of the driver can do.
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

// keepingConn keeps its queries compiled: to compile them was half of what a history cost.
type keepingConn struct {
	sqliteConn
	kept map[string]driver.Stmt
}

// query runs a query. Its rows are closed before this connection runs another one, because nobody reads two at a time.
func (c *keepingConn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, known := c.kept[query]
	if !known {
		var err error
		if stmt, err = c.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		c.kept[query] = stmt
	}
	querier, ok := stmt.(driver.StmtQueryContext)
	if !ok {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	return querier.QueryContext(ctx, args)
}

func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, query, args)
}

func (c *keepingConn) Close() error {
	var err error
	for _, stmt := range c.kept {
		err = errors.Join(err, stmt.Close())
	}
	return errors.Join(err, c.sqliteConn.Close())
}

// keeping makes connections keep their queries.
type keeping struct{ driver.Connector }

func (c keeping) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connection lacks what is passed on"), conn.Close())
	}
	return &keepingConn{whole, map[string]driver.Stmt{}}, nil
}

// faultyConn passes on what the fault plan lets through.
type faultyConn struct {
	*keepingConn
	world *world.World
	by    customer
	base  string
	inTx  bool
}

func (c *faultyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.by.waitForHalf(ctx, c.base); err != nil {
		return nil, err
	}
	if err := c.by.Reach(c.base); err != nil {
		return nil, err
	}
	tx, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.inTx = true
	c.world.OpenTx++
	return &faultyTx{tx, c}, nil
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.before(); err != nil {
		return nil, err
	}
	query = c.by.statement(c.base, query)
	if c.inTx {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	return c.query(ctx, query, args)
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.before(); err != nil {
		return nil, err
	}
	return c.sqliteConn.ExecContext(ctx, c.by.statement(c.base, query), args)
}

// before is what happens before a statement. Within a transaction nobody comes in between: SQLite has one writer.
func (c *faultyConn) before() error {
	w := c.world
	if c.inTx {
		if c.by.isDead() {
			return world.IOError{What: "the process is dead"}
		}
		if w.Roll(world.StatementFails) {
			return world.IOError{What: "the statement got no answer"}
		}
		return nil
	}
	if err := c.by.Reach(c.base); err != nil {
		return err
	}
	if w.Roll(world.ReadFails) {
		return world.IOError{What: "the query got no answer"}
	}
	return nil
}

// faultyTx is a transaction whose end may not be answered.
type faultyTx struct {
	driver.Tx
	conn *faultyConn
}

func (t *faultyTx) Rollback() error {
	t.end()
	return t.Tx.Rollback()
}

func (t *faultyTx) Commit() error {
	p, w := t.conn.by, t.conn.world
	switch {
	case p.isDead(), w.Roll(world.Crash):
		p.Die()
		return errors.Join(world.IOError{What: "the process died before the COMMIT"}, t.Rollback())
	case w.Roll(world.CommitFails):
		t.conn.unanswered()
		return errors.Join(world.IOError{What: "the COMMIT got no answer"}, t.Rollback())
	}
	err := t.Tx.Commit()
	t.end()
	if err != nil {
		return err
	}
	p.hasCommitted(t.conn.base)
	if w.Roll(world.Crash) {
		p.Die()
		return world.IOError{What: "the process died after the COMMIT"}
	}
	if w.Roll(world.CommitDoubtful) {
		t.conn.unanswered()
		return world.IOError{What: "the COMMIT got no answer"}
	}
	return nil
}

// unanswered is a database that has not answered a COMMIT. Often it does not answer the next question either.
func (c *faultyConn) unanswered() {
	w := c.world
	if w.Chance(50) && !w.IsAway(c.base) {
		w.Away[c.base] = w.Now.Add(w.Between(time.Millisecond, 5*time.Second))
	}
}

func (t *faultyTx) end() {
	if t.conn.inTx {
		t.conn.inTx = false
		t.conn.world.OpenTx--
	}
}
