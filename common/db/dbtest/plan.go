package dbtest

import (
	"fmt"
	"strings"
	"testing"

	"boxoffice/common/db"
)

// Plan returns how the database would run a query: which indexes it reads, and whether it sorts, in the words of SQLite or of
// MySQL.
func Plan(t testing.TB, d *db.DB, query string, args ...any) string {
	t.Helper()
	explain := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "mysql": "EXPLAIN FORMAT=TRADITIONAL "}[d.Name()] + query
	rows, err := d.Reader().QueryxContext(t.Context(), explain, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		step, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range step {
			if text, ok := cell.([]byte); ok {
				cell = string(text)
			}
			_, _ = fmt.Fprint(&plan, cell, " ")
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
