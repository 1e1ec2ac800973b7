package db

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// InMax bounds the ids in one statement, far below what the databases accept (SQLite: 32766 parameters).
const InMax = 500

// SelectIn runs a query that has IN (?) as its first placeholder for these ids, some at a time, and returns all rows. args
// are the values of the placeholders after it. Rows are in the query's order only among those of one statement.
func SelectIn[T any](ctx context.Context, q sqlx.QueryerContext, query string, ids []string, args ...any) ([]T, error) {
	var all []T
	for chunk := range slices.Chunk(ids, InMax) {
		var rows []T
		if err := sqlx.SelectContext(ctx, q, &rows, forIDs(query, chunk), append(Args(chunk), args...)...); err != nil {
			return nil, err
		}
		if all == nil { // mostly one statement is enough, and its rows need no copy
			all = rows
			continue
		}
		all = append(all, rows...)
	}
	return all, nil
}

// ExecIn runs a statement that ends with IN (?) for these ids, some at a time. args are the values of the placeholders
// before it.
func (tx *Tx) ExecIn(ctx context.Context, statement string, ids []string, args ...any) error {
	for chunk := range slices.Chunk(ids, InMax) {
		if _, err := tx.ExecContext(ctx, forIDs(statement, chunk), slices.Concat(args, Args(chunk))...); err != nil {
			return err
		}
	}
	return nil
}

// ChangeEach runs a guarded statement that ends with IN (?), as ExecIn does, and fails with ErrConflict unless it matched the
// row of each id.
func (tx *Tx) ChangeEach(ctx context.Context, statement string, ids []string, args ...any) error {
	for chunk := range slices.Chunk(ids, InMax) {
		if err := tx.ExecGuarded(ctx, len(chunk), forIDs(statement, chunk), slices.Concat(args, Args(chunk))...); err != nil {
			return err
		}
	}
	return nil
}

func forIDs(statement string, ids []string) string {
	return strings.Replace(statement, "(?)", In(len(ids)), 1)
}
