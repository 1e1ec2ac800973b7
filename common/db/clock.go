package db

import (
	"context"
	"fmt"
	"time"
)

// ClockSkew is how far now is ahead of the database server's clock, accurate to half a round trip. On SQLite it is
// zero, because there is no other clock than this machine's.
func (d *DB) ClockSkew(ctx context.Context, now func() time.Time) (time.Duration, error) {
	query := d.dialect.clock()
	if query == "" {
		return 0, nil
	}
	var serverMillis int64
	sent := now()
	if err := d.read.GetContext(ctx, &serverMillis, query); err != nil {
		return 0, fmt.Errorf("read the server's clock: %w", err)
	}
	roundTrip := now().Sub(sent)
	return sent.Add(roundTrip / 2).Sub(time.UnixMilli(serverMillis)), nil
}
