package db

import "strings"

// Tuples writes the placeholders of rows, "(?,?),(?,?)", for VALUES and for IN. rows and columns are at least 1.
func Tuples(rows, columns int) string {
	tuple := "(" + strings.Repeat("?,", columns-1) + "?)"
	return strings.Repeat(tuple+",", rows-1) + tuple
}
