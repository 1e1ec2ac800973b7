package stock

import (
	"database/sql"
	"errors"
	"fmt"

	"boxoffice/common/db"
)

// ErrConflict says that a list cannot be reserved as it was planned: a ticket, an order or the fence was taken since.
var ErrConflict = errors.New("the plan no longer holds")

// expectRows turns a guarded statement that matched fewer rows than meant into ErrConflict.
func expectRows(n int) func(sql.Result, error) error {
	return func(result sql.Result, err error) error {
		if err != nil {
			return err
		}
		matched, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if matched != int64(n) {
			return fmt.Errorf("%w: %d rows of %d", ErrConflict, matched, n)
		}
		return nil
	}
}

// among is a parenthesised list of n placeholders, for IN.
func among(n int) string { return db.Tuples(1, n) }

// anys makes values the arguments of a statement.
func anys[T any](values []T) []any {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return args
}
