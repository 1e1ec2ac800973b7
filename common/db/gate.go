package db

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
)

// gate lets nobody connect while it is closed.
type gate struct {
	open    atomic.Bool
	refusal error // while it is closed
}

type gatedConnector struct {
	driver.Connector
	gate *gate
}

func (c gatedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if !c.gate.open.Load() {
		return nil, c.gate.refusal
	}
	return c.Connector.Connect(ctx)
}
