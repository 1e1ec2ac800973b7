package db

import "strings"

// Tuples is rows parenthesised groups of columns placeholders each, for VALUES and for IN. Both are at least 1.
func Tuples(rows, columns int) string {
	tuple := "(" + strings.Repeat("?,", columns-1) + "?)"
	return strings.Repeat(tuple+",", rows-1) + tuple
}
