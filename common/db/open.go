package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"boxoffice/common/failpoint"
)

const (
	pingTimeout    = 5 * time.Second
	sqliteReaders  = 4
	mysqlPool      = 16
	connectionLife = 5 * time.Minute
)

// Open connects to dsn and checks that the database answers. The forms are sqlite:PATH and
// mysql://user:password@host:port/database.
func Open(ctx context.Context, dsn string) (*DB, error) {
	return OpenThrough(ctx, dsn, failpoint.Through(dsn))
}

// OpenThrough is Open with every connection made through what through returns of its connector: whoever tests what an outage or
// a lost answer does to a service stands between it and its database. Nil stands for nobody.
func OpenThrough(ctx context.Context, dsn string, through func(driver.Connector) driver.Connector) (*DB, error) {
	var d *DB
	var err error
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		d, err = openSQLite(rest, through)
	case "mysql":
		d, err = openMySQL(dsn, nil, through)
	default:
		return nil, errors.New("open database: the DSN must begin with sqlite: or mysql://")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := d.firstPing(ctx); err != nil {
		if d.IsUnavailable(err) {
			err = fmt.Errorf("%w: %w", map[string]error{"sqlite": ErrUnopenable, "mysql": ErrAway}[d.Name()], err)
		}
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.Close())
	}
	return d, nil
}

// OpenLater is Open for a MySQL database that does not answer yet. Its statements fail as in an outage until admit is called: once
// somebody has brought its schema up to date.
func OpenLater(dsn string) (d *DB, admit func(), err error) {
	if !strings.HasPrefix(dsn, "mysql:") {
		return nil, nil, errors.New("open database: only a server can be away")
	}
	g := &gate{refusal: ErrAway}
	if d, err = openMySQL(dsn, g, failpoint.Through(dsn)); err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	return d, func() { g.open.Store(true) }, nil
}

// firstPing opens the first connection. It retries while SQLite is busy: when two processes open a new file together,
// both switch it to WAL, and SQLite refuses the second one without waiting.
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

// fileURL is the URL of a SQLite file. In a plain path SQLite would take a question mark or a hash for the start of
// parameters.
func fileURL(path string) url.URL {
	return url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
}

// openSQLite opens a file in WAL mode with an fsync at every commit. Only one connection writes, because SQLite allows
// one writer at a time, and waiting for a connection in Go is fairer than SQLite's busy handler.
func openSQLite(path string, through func(driver.Connector) driver.Connector) (*DB, error) {
	if path == "" {
		return nil, errors.New("sqlite: the path is missing")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	pragmas := url.Values{"_pragma": {
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)", "cache_size(-65536)",
		"wal_autocheckpoint(8192)",     // pages, so that a page that many commits change is copied to the database once
		"journal_size_limit(67108864)", // bytes, to which the log shrinks after a long reader has made it grow
		"temp_store(MEMORY)",           // the undo data of a statement with many rows need not go to a file
	}}
	file := fileURL(path)
	pragmas.Set("_txlock", "immediate")
	file.RawQuery = pragmas.Encode()
	writer, err := openPrepared("sqlite", file.String(), through)
	if err != nil {
		return nil, err
	}
	write := sqlx.NewDb(writer, "sqlite")
	write.SetMaxOpenConns(1)
	pragmas.Add("_pragma", "query_only(1)")
	pragmas.Set("_txlock", "deferred")
	file.RawQuery = pragmas.Encode()
	read, err := openReaders(file.String(), through)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return &DB{dialect: sqliteDialect{}, write: write, read: read, migrate: write}, nil
}

// openReaders opens the pool that reads.
func openReaders(dsn string, through func(driver.Connector) driver.Connector) (*sqlx.DB, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil || through == nil {
		return sqlx.NewDb(pool, "sqlite"), err
	}
	return sqlx.NewDb(sql.OpenDB(through(plainConnector{pool.Driver(), dsn})), "sqlite"), pool.Close()
}

// openMySQL opens a pool with the settings that the statements rely on: affected rows are those that matched, a
// statement sees what is committed when it starts (READ COMMITTED), and an unreachable server is noticed within a
// second.
func openMySQL(dsn string, gate *gate, through func(driver.Connector) driver.Connector) (*DB, error) {
	u, err := parseMySQL(dsn)
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net, c.Addr, c.DBName = "tcp", u.Host, u.Path[1:]
	if u.Port() == "" {
		c.Addr += ":3306"
	}
	if c.TLS, err = parseTLS(u.RawQuery, u.Hostname()); err != nil {
		return nil, err
	}
	c.ClientFoundRows = true
	c.InterpolateParams = true
	c.RejectReadOnly = true // after a failover: reconnect, because the old primary's name may lead to the new one by now
	c.Collation = "utf8mb4_bin"
	c.Logger = &mysql.NopLogger{} // every error is also returned
	c.Timeout = 800 * time.Millisecond
	c.ReadTimeout = 10 * time.Second
	c.WriteTimeout = 10 * time.Second
	c.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"}
	pool, err := mysqlConnections(c, gate, through)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(mysqlPool)
	pool.SetMaxIdleConns(mysqlPool)
	pool.SetConnMaxLifetime(connectionLife)
	c.ReadTimeout = 0 // a migration of a large table takes minutes; its context bounds it
	migrate, err := mysqlConnections(c, gate, through)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	migrate.SetMaxIdleConns(0) // the connection closes after the migrations
	return &DB{dialect: mysqlDialect{}, write: pool, read: pool, migrate: migrate}, nil
}

// parseMySQL reads a DSN. A password whose characters mean something in a URL moves the parts of the DSN: the host may then
// be the user, and the database end with the host. The error has nothing of the DSN, because the password is in it.
func parseMySQL(dsn string) (*url.URL, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" || len(u.Path) < 2 || strings.ContainsAny(u.Path[1:], "/@") || strings.Contains(dsn, "#") {
		return nil, errors.New("the DSN must have the form mysql://user:password@host:port/database, " +
			"and what means something in a URL must be percent-encoded, in a password too: # as %23, % as %25, / as %2F, ? as %3F")
	}
	return u, nil
}

// mysqlConnections makes a pool, which connects at its first use. It keeps a copy of c.
func mysqlConnections(c *mysql.Config, gate *gate, through func(driver.Connector) driver.Connector) (*sqlx.DB, error) {
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	connector = readCommitted{connector}
	if through != nil {
		connector = through(connector)
	}
	if gate != nil {
		connector = gatedConnector{connector, gate}
	}
	return sqlx.NewDb(sql.OpenDB(connector), "mysql"), nil
}

// readCommitted is a connector that sets the isolation level of each new connection. It does so by a statement, because
// the variable has different names in MySQL and MariaDB.
type readCommitted struct{ driver.Connector }

func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("mysql: the driver cannot execute without preparing"), conn.Close())
	}
	if _, err := execer.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return nil, errors.Join(fmt.Errorf("mysql: set the isolation level: %w", err), conn.Close())
	}
	return conn, nil
}
