package db

import "strings"

// Tuples writes the placeholders of rows, "(?,?),(?,?)", for VALUES and for IN. rows and columns are at least 1.
func Tuples(rows, columns int) string {
	tuple := "(" + strings.Repeat("?,", columns-1) + "?)"
	return strings.Repeat(tuple+",", rows-1) + tuple
}

// In writes the n placeholders of a list, "(?,?)", for IN.
func In(n int) string { return Tuples(1, n) }

// Args makes the values of a list arguments of a statement.
func Args[T any](values []T) []any {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return args
}
