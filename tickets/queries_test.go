package tickets

import (
	"fmt"
	"strings"
	"testing"
)

// A hundred doors ask every ten seconds how many are in. Each answer is read from one index in its order, without sorting the
// tickets of the screening first.
func TestCountSortsNothing(t *testing.T) {
	f := newFixture(t)
	f.pay(testOrderID, 2)
	explain := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "mysql": "EXPLAIN "}[f.db.Name()] + countSelect
	rows, err := f.db.Reader().QueryxContext(t.Context(), explain, testScreeningID)
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
			fmt.Fprint(&plan, cell, " ")
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if said := strings.ToLower(plan.String()); !strings.Contains(said, "tickets_by_state") || strings.Contains(said, "temp") {
		t.Errorf("the plan is %s", said)
	}
}
