package order

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"boxoffice/common/db"
)

// rowsPerStatement bounds the ids in one statement, far below what the databases accept (SQLite: 32766 parameters).
const rowsPerStatement = 500

// selectIn runs a query that has IN (?) as its first placeholder for these ids, some at a time, and returns all rows. args
// are the values of the placeholders after it. Rows are in the query's order only among those of one statement.
func selectIn[T any](ctx context.Context, q sqlx.QueryerContext, query string, ids []string, args ...any) ([]T, error) {
	var all []T
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		var rows []T
		if err := sqlx.SelectContext(ctx, q, &rows, forIDs(query, chunk), append(db.Args(chunk), args...)...); err != nil {
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

// execIn runs a statement that ends with IN (?) for these ids, some at a time. args are the values of the placeholders
// before it.
func execIn(ctx context.Context, tx *db.Tx, statement string, ids []string, args ...any) error {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		if _, err := tx.ExecContext(ctx, forIDs(statement, chunk), slices.Concat(args, db.Args(chunk))...); err != nil {
			return err
		}
	}
	return nil
}

// changeEach runs a guarded statement that ends with IN (?), as execIn does, and fails with db.ErrConflict unless it
// matched the row of each id.
func changeEach(ctx context.Context, tx *db.Tx, statement string, ids []string, args ...any) error {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		if err := tx.ExecGuarded(ctx, len(chunk), forIDs(statement, chunk), slices.Concat(args, db.Args(chunk))...); err != nil {
			return err
		}
	}
	return nil
}

func forIDs(statement string, ids []string) string {
	return strings.Replace(statement, "(?)", db.In(len(ids)), 1)
}
