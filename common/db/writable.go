package db

import (
	"context"
	"fmt"
	"time"
)

// CheckWritable checks that the database accepts writes, by writing a row of the table probe (id, at), which the schema
// must have. A database that answers a query may still refuse to write: it may be read-only after a failover, or full.
func (d *DB) CheckWritable(ctx context.Context) error {
	err := d.InTx(ctx, func(tx *Tx) error {
		now := time.Now().UnixMilli()
		result, err := tx.ExecContext(ctx, `UPDATE probe SET at = ? WHERE id = 1`, now)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return tx.Insert(ctx, `probe (id, at)`, []any{1, now})
	})
	if err != nil && !d.IsDuplicate(err) { // a duplicate is a row that another process has just inserted
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
