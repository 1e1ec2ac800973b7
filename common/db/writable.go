package db

import (
	"context"
	"fmt"
	"time"
)

// CheckWritable writes a row. A database that answers may still refuse to write: it is read-only after a failover, or
// full. The schema needs the table probe (id, at).
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
	if err != nil && !d.IsDuplicate(err) { // another process has made the row
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
