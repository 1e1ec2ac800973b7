package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Whether a failure passes by itself was asked of the database afterwards, with a ping. One that is read-only or full
// answers pings, so its refusals were taken for the caller's fault. The error itself has to say it.
func TestUnavailableIsWhatTheErrorSays(t *testing.T) {
	d := &DB{dialect: mysqlDialect{}}
	number := func(n uint16) error { return &mysql.MySQLError{Number: n, Message: "m"} }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"read-only server":     {number(1290), true},
		"read-only session":    {number(1792), true},
		"read-only mode":       {number(1836), true},
		"shutting down":        {number(1053), true},
		"server has gone away": {number(2006), true},
		"server was lost":      {number(2013), true},
		"connection killed":    {number(1927), true},
		"disk full":            {number(1021), true},
		"table full":           {number(1114), true},
		"deadlock":             {number(1213), true},
		"invalid connection":   {mysql.ErrInvalidConn, true},
		"bad connection":       {driver.ErrBadConn, true},
		"closed connection":    {sql.ErrConnDone, true},
		"out of time":          {context.DeadlineExceeded, true},
		"commit in doubt":      {ErrCommitInDoubt, true},
		"network":              {&net.OpError{Op: "read", Err: errors.New("reset")}, true},
		"duplicate key":        {number(1062), false},
		"constraint":           {number(3819), false},
		"too long":             {number(1406), false},
		"syntax":               {number(1064), false},
		"ours":                 {errors.New("the plan no longer holds"), false},
		"none":                 {nil, false},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("reserve: %w", err)
		}
		if got := d.IsUnavailable(err); got != c.want {
			t.Errorf("%s: unavailable is %v, want %v", name, got, c.want)
		}
	}
}

// SQLite says "full" of a disk without room and "readonly" of a file that may not be written.
func TestUnavailableSQLite(t *testing.T) {
	for name, pragma := range map[string]string{"full": "PRAGMA max_page_count = 1", "read-only": "PRAGMA query_only = 1"} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			exec := func(statement string) error {
				return d.InTx(t.Context(), func(tx *Tx) error { _, err := tx.ExecContext(t.Context(), statement); return err })
			}
			if err := exec(`CREATE TABLE t (a TEXT NOT NULL CHECK (a <> ''))`); err != nil {
				t.Fatal(err)
			}
			if err := exec(`INSERT INTO t VALUES ('')`); err == nil || d.IsUnavailable(err) {
				t.Errorf("a constraint is called unavailable: %v", err)
			}
			if err := exec(pragma); err != nil {
				t.Fatal(err)
			}
			if err := d.Ping(t.Context()); err != nil {
				t.Fatalf("it should answer: %v", err)
			}
			if err := exec(`INSERT INTO t VALUES (hex(zeroblob(100000)))`); err == nil || !d.IsUnavailable(err) {
				t.Errorf("%s: %v, want unavailable", name, err)
			}
		})
	}
}
