package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Tx is a transaction that InTx runs, and commits or rolls back.
type Tx struct {
	*sqlx.Tx
	dialect dialect
}

// ErrConflict says that rows are not as they were read: another transaction was faster.
var ErrConflict = errors.New("another transaction has changed the same rows")

// ExecGuarded runs a statement whose condition says how its rows were read, and fails with ErrConflict unless it matches
// so many.
func (tx *Tx) ExecGuarded(ctx context.Context, rows int, statement string, args ...any) error {
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	matched, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if matched != int64(rows) {
		return fmt.Errorf("%w: %d rows of %d", ErrConflict, matched, rows)
	}
	return nil
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
