package db

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Tx is a transaction that InTx runs, and commits or rolls back.
type Tx struct {
	*sqlx.Tx
	dialect dialect
}

// Insert inserts rows, as many in one statement as suits the database. into names the table and its columns,
// "orders (id, state)"; values are those of the rows, one row after the other.
func (tx *Tx) Insert(ctx context.Context, into string, values []any) error {
	columns := strings.Count(into, ",") + 1
	for chunk := range slices.Chunk(values, columns*tx.dialect.insertRows()) {
		query := "INSERT INTO " + into + " VALUES " + Tuples(len(chunk)/columns, columns)
		if _, err := tx.ExecContext(ctx, query, chunk...); err != nil {
			return err
		}
	}
	return nil
}
