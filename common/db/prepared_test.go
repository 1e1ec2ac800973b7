package db

import (
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
)

func newPreparedConn(t *testing.T) *preparedConn {
	t.Helper()
	pool, err := openPrepared("sqlite", filepath.Join(t.TempDir(), "kept.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var kept *preparedConn
	if err := conn.Raw(func(inner any) error {
		kept, _ = inner.(*preparedConn)
		return nil
	}); err != nil || kept == nil {
		t.Fatalf("not a connection that keeps statements: %v", err)
	}
	return kept
}

func TestStatementsAreCompiledOnceAndBounded(t *testing.T) {
	c := newPreparedConn(t)
	run := func(query string) {
		t.Helper()
		if _, err := c.ExecContext(t.Context(), query, nil); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE t (n)")
	hot := "INSERT INTO t VALUES (0)"
	run(hot)
	compiled := c.cached[hot].Value
	for i := range 3 * preparedMax {
		run("INSERT INTO t VALUES (" + strconv.Itoa(i) + ")")
		run(hot)
	}
	if c.cached[hot].Value != compiled {
		t.Error("a statement that runs all the time was compiled again")
	}
	if len(c.cached) != preparedMax || c.recent.Len() != preparedMax {
		t.Errorf("%d and %d statements are cached", len(c.cached), c.recent.Len())
	}
	if _, err := c.ExecContext(t.Context(), "INSERT INTO missing VALUES (1)", nil); err == nil || len(c.cached) != preparedMax {
		t.Errorf("a statement that does not compile: %v, %d cached", err, len(c.cached))
	}
}

// closedStmt remembers that it was closed.
type closedStmt struct {
	driver.Stmt
	closed *int
}

func (s closedStmt) Close() error { *s.closed++; return nil }

type bareConn struct{ DriverConn }

func (bareConn) Close() error { return errors.New("gone") }

func TestCloseClosesWhatIsKept(t *testing.T) {
	closed := 0
	c := &preparedConn{DriverConn: bareConn{}, cached: map[string]*list.Element{}, recent: list.New()}
	for _, query := range []string{"a", "b"} {
		c.cached[query] = c.recent.PushFront(cachedStmt{query, closedStmt{closed: &closed}})
	}
	if err := c.Close(); err == nil || closed != 2 || len(c.cached) != 0 {
		t.Errorf("close: %v, %d statements closed, %d cached", err, closed, len(c.cached))
	}
}

func TestConnectionWithoutStatementsIsRefused(t *testing.T) {
	if _, err := (preparedConnector{driver: bareDriver{}}).Connect(context.Background()); err == nil {
		t.Error("a driver that cannot keep statements was taken")
	}
}

type bareDriver struct{}

func (bareDriver) Open(string) (driver.Conn, error) { return plainConn{}, nil }

type plainConn struct{ driver.Conn }

func (plainConn) Close() error { return nil }
