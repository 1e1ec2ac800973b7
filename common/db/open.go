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
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// fileURL names a file to SQLite, which takes what follows a question mark or a hash in a plain path for something else.
func fileURL(path string) url.URL {
	return url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
}

// openSQLite opens a file in WAL mode with an fsync at every commit. One connection writes, because SQLite has one
// writer and a queue in Go is fairer than its busy handler.
func openSQLite(path string) (*DB, error) {
	if path == "" {
		return nil, errors.New("sqlite: the path is missing")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	pragmas := url.Values{"_pragma": {
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)", "cache_size(-65536)",
		"wal_autocheckpoint(8192)",     // pages: what many commits touch is written back once
		"journal_size_limit(67108864)", // bytes: what a long reader has made the log grow to is given back
		"temp_store(MEMORY)",           // a statement of many rows keeps what it may have to undo, which need not go to a file
	}}
	file := fileURL(path)
	pragmas.Set("_txlock", "immediate")
	file.RawQuery = pragmas.Encode()
	writer, err := openPrepared("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	write := sqlx.NewDb(writer, "sqlite")
	write.SetMaxOpenConns(1)
	pragmas.Add("_pragma", "query_only(1)")
	pragmas.Set("_txlock", "deferred")
	file.RawQuery = pragmas.Encode()
	read, err := sqlx.Open("sqlite", file.String())
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return &DB{dialect: sqliteDialect{}, write: write, read: read, migrate: write}, nil
}

// openMySQL opens a pool with what the statements rely on: affected rows are those that matched, a statement sees what
// is committed when it starts, and a server that is away is noticed within a second.
func openMySQL(dsn string) (*DB, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" || len(u.Path) < 2 {
		return nil, errors.New("the DSN must have the form mysql://user:password@host:port/database")
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
	c.RejectReadOnly = true // after a failover: leave the old primary, whose name may lead to the new one by now
	c.Collation = "utf8mb4_bin"
	c.Logger = &mysql.NopLogger{} // every error is also returned
	c.Timeout = 800 * time.Millisecond
	c.ReadTimeout = 10 * time.Second
	c.WriteTimeout = 10 * time.Second
	c.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"}
	pool, err := mysqlConnections(c)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(mysqlPool)
	pool.SetMaxIdleConns(mysqlPool)
	pool.SetConnMaxLifetime(connectionLife)
	c.ReadTimeout = 0 // a migration of a large table takes minutes; its context bounds it
	migrate, err := mysqlConnections(c)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	migrate.SetMaxIdleConns(0) // the connection ends with the migrations
	return &DB{dialect: mysqlDialect{}, write: pool, read: pool, migrate: migrate}, nil
}

// mysqlConnections makes a pool that connects when it is first asked. It keeps a copy of c.
func mysqlConnections(c *mysql.Config) (*sqlx.DB, error) {
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	return sqlx.NewDb(sql.OpenDB(readCommitted{connector}), "mysql"), nil
}

// readCommitted sets the isolation level of each new connection. It is a statement because the variable has different
// names in MySQL and MariaDB.
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
