package db

import (
	"context"
	"fmt"
	"time"
)

// ClockSkew is how far now is ahead of the database server's clock, within half the time of a round trip. SQLite has no
// clock but this machine's.
func (d *DB) ClockSkew(ctx context.Context, now func() time.Time) (time.Duration, error) {
	query := d.dialect.clock()
	if query == "" {
		return 0, nil
	}
	var there int64
	sent := now()
	if err := d.read.GetContext(ctx, &there, query); err != nil {
		return 0, fmt.Errorf("read the server's clock: %w", err)
	}
	trip := now().Sub(sent)
	return sent.Add(trip / 2).Sub(time.UnixMilli(there)), nil
}
