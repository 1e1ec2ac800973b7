package tickets

import (
	"strings"
	"testing"

	"boxoffice/common/db/dbtest"
)

// A hundred doors ask every ten seconds how many are in. Each answer is read from one index in its order, without sorting the
// tickets of the screening first.
func TestCountSortsNothing(t *testing.T) {
	f := newFixture(t)
	f.pay(testOrderID, 2)
	plan := dbtest.Plan(t, f.db, countSelect, testScreeningID)
	if said := strings.ToLower(plan); !strings.Contains(said, "tickets_by_state") || strings.Contains(said, "temp") {
		t.Errorf("the plan is %s", said)
	}
}
