package order

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"boxoffice/common/db"

	"github.com/jmoiron/sqlx"
)

// rowsPerStatement bounds the ids in one statement, far below what the databases accept (SQLite: 32766 parameters).
const rowsPerStatement = 500

// errRaced says that another transaction changed a row between this one's read and its guarded update.
var errRaced = errors.New("another transaction was faster")

// selectIn runs a query that has IN (?) as its only placeholder for these ids, some at a time, and returns all rows.
// Rows are in the query's order only among those of one statement.
func selectIn[T any](ctx context.Context, q sqlx.QueryerContext, query string, ids []string) ([]T, error) {
	var all []T
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		statement, args, err := sqlx.In(query, chunk)
		if err != nil {
			return nil, err
		}
		var rows []T
		if err := sqlx.SelectContext(ctx, q, &rows, statement, args...); err != nil {
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

// execIn runs a statement that ends with IN (?) for these ids, some at a time, and counts the rows that it matched.
// args are the values of the placeholders before it.
func execIn(ctx context.Context, tx *db.Tx, query string, ids []string, args ...any) (matched int64, err error) {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		statement, values, err := sqlx.In(query, append(slices.Clone(args), chunk)...)
		if err != nil {
			return matched, err
		}
		n, err := affectedRows(tx.ExecContext(ctx, statement, values...))
		if err != nil {
			return matched, err
		}
		matched += n
	}
	return matched, nil
}

// updateEach runs a guarded UPDATE as execIn does, and fails with errRaced unless it matched the row of each id.
func updateEach(ctx context.Context, tx *db.Tx, query string, ids []string, args ...any) error {
	matched, err := execIn(ctx, tx, query, ids, args...)
	if err == nil && matched != int64(len(ids)) {
		err = errRaced
	}
	return err
}

func affectedRows(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
