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

// A server that refuses whatever it is asked was taken for one that refuses a statement, where its number was not known: a
// node of Galera without its cluster, TiDB without its PD, a full directory for temporary files. Each list of purchases was
// then split down to single ones, and every buyer was answered 500.
func TestRefusalOfEverythingIsUnavailable(t *testing.T) {
	d := &DB{dialect: mysqlDialect{}}
	refusal := func(number uint16, message string) bool {
		return d.IsUnavailable(fmt.Errorf("reserve: %w", &mysql.MySQLError{Number: number, Message: message}))
	}
	for _, number := range []uint16{
		1021, 1024, 1026, 1037, 1040, 1041, 1047, 1129, 1135, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1637, 1969,
		3024, 3032, 3100, 3101, 3168, 3169, 4031, 8027, 9001, 9002, 9003, 9004, 9005, 9008, 9010,
	} {
		if !refusal(number, "m") {
			t.Errorf("%d is taken for the fault of a statement", number)
		}
	}
	for _, number := range []uint16{ // too long, too large a packet or transaction, unknown names, no rights, TiDB's quota
		1030, 1054, 1064, 1105, 1118, 1142, 1146, 1153, 1180, 1197, 1264, 1366, 1406, 1452, 1534, 3819, 4025, 8001, 8004, 9006, 9500,
	} {
		if refusal(number, "m") {
			t.Errorf("%d is taken for an outage", number)
		}
	}
	for message, want := range map[string]bool{
		`Got error 28 "No space left on device" from storage engine InnoDB`:  true,
		"Got error 28 - 'No space left on device' from storage engine":       true,
		`Got error 30 "Read-only file system" from storage engine Aria`:      true,
		`Got error 139 "Too big row" from storage engine InnoDB`:             false,
		"Got error 122 - 'Internal (unspecified) error in handler' from ...": false,
		"": false,
	} {
		if got := refusal(1030, message); got != want {
			t.Errorf("%q: unavailable is %v, want %v", message, got, want)
		}
	}
	if !refusal(1180, "Got error 5 \"Input/output error\" during COMMIT") {
		t.Error("a failed write at a commit is taken for the fault of a statement")
	}
}

// A server that is read-only in another way than the three that its driver knows was taken for one that refuses a statement: of
// 256 purchases came 511 half messages, and 500 without a Retry-After. Table, InnoDB, forced recovery, schema; and what cannot
// be written, or needs memory.
func TestReadOnlyInEveryFormIsUnavailable(t *testing.T) {
	d := &DB{dialect: mysqlDialect{}}
	for _, number := range []uint16{1036, 1874, 1881, 3989, 1598, 1811, 1878, 3015} {
		if !d.IsUnavailable(fmt.Errorf("reserve: %w", &mysql.MySQLError{Number: number, Message: "m"})) {
			t.Errorf("%d is taken for the fault of a statement", number)
		}
	}
}

// Two refusals are one when their number is, whichever rows they name.
func TestSameRefusal(t *testing.T) {
	number := func(n uint16, message string) error {
		return fmt.Errorf("reserve: %w", &mysql.MySQLError{Number: n, Message: message})
	}
	for name, c := range map[string]struct {
		a, b error
		want bool
	}{
		"of two rows":  {number(1877, "a"), number(1877, "b"), true},
		"of two kinds": {number(1877, "a"), number(1406, "a"), false},
		"ours":         {errors.New("a"), errors.New("a"), false},
		"and ours":     {number(1877, "a"), errors.New("a"), false},
		"none":         {nil, nil, false},
	} {
		if got := SameRefusal(c.a, c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
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
