package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// ErrAway says that a database does not answer, or has not been prepared yet since it did not.
var ErrAway = errors.New("the database does not answer")

// OpenLater is Open for a MySQL database that does not answer yet. Its statements fail as in an outage until admit is called: once
// somebody has brought its schema up to date.
func OpenLater(dsn string) (d *DB, admit func(), err error) {
	if !strings.HasPrefix(dsn, "mysql:") {
		return nil, nil, errors.New("open database: only a server can be away")
	}
	g := &gate{}
	if d, err = openMySQL(dsn, g); err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	return d, func() { g.open.Store(true) }, nil
}

// gate lets nobody connect while it is closed.
type gate struct{ open atomic.Bool }

type gatedConnector struct {
	driver.Connector
	gate *gate
}

func (c gatedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if !c.gate.open.Load() {
		return nil, ErrAway
	}
	return c.Connector.Connect(ctx)
}
