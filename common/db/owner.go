package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Owner returns the id of the system whose database this is, or "" as long as it has none. Migrate has to have run.
func (d *DB) Owner(ctx context.Context) (id string, err error) {
	err = d.read.GetContext(ctx, &id, `SELECT id FROM owner WHERE one = 1`)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the owner: %w", err)
	}
	return id, nil
}

// Own makes id the owner unless the database has one, and returns the one that it has then.
func (d *DB) Own(ctx context.Context, id string) (owner string, err error) {
	err = d.InTx(ctx, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO owner (one, id) VALUES (1, ?)`, id)
		return err
	})
	if err != nil && !d.IsDuplicate(err) {
		return "", fmt.Errorf("record the owner: %w", err)
	}
	return d.Owner(ctx)
}
