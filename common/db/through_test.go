package db_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"testing"

	"boxoffice/common/db"
)

// cut is a connector that somebody can cut.
type cut struct {
	driver.Connector
	isCut *bool
}

func (c cut) Connect(ctx context.Context) (driver.Conn, error) {
	if *c.isCut {
		return nil, errors.New("cut")
	}
	return c.Connector.Connect(ctx)
}

// Whoever opens a database through his own hands is between the service and both of its pools.
func TestOpenThroughReachesReadersAndWriters(t *testing.T) {
	isCut, pools := false, 0
	d, err := db.OpenThrough(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "t.db"), func(c driver.Connector) driver.Connector {
		pools++
		return cut{c, &isCut}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	isCut = true
	var one int
	if err := d.Reader().GetContext(t.Context(), &one, `SELECT 1`); err == nil || pools != 2 {
		t.Errorf("read %d through %d pools that are cut, want an error and 2", one, pools)
	}
}
