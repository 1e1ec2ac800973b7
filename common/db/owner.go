package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Owner returns the id of the office that owns this database, or "" when it has none yet. Migrate must have run.
func (d *DB) Owner(ctx context.Context) (id string, err error) {
	err = d.read.GetContext(ctx, &id, `SELECT id FROM owner WHERE one = 1`)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the owner: %w", err)
	}
	return id, nil
}

// Own records id as the owner of this database unless it has one already, and returns the owner.
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
