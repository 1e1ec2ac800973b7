package payment

import (
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
)

// For a page of a hundred refunds that are not back the database read and sorted all of them. (MySQL chooses by how many rows
// there are, and here there are none.)
func TestPageOfRefundsReadsNoMore(t *testing.T) {
	f := newFixture(t)
	of := dbtest.Plan(t, f.db, refundIDsOfState, refundDue, "", 2)
	query, args := refundPage(OpenRefundStates(), "", 2)
	all := dbtest.Plan(t, f.db, query, args...)
	if f.db.Name() == "sqlite" &&
		(strings.Contains(of, "TEMP B-TREE") || strings.Count(all, "refunds_by_state") < len(OpenRefundStates())) {
		t.Errorf("of one state the plan is %s, and of all %s", of, all)
	}
	for range 5 {
		o := f.create(time.Hour)
		f.pay(o, 9800)
		f.pay(o, 9800)
	}
	f.work()
	for range 3 {
		f.lateRefund()
	}
	var got []string
	for after, first := "", true; after != "" || first; first = false {
		page, next, err := f.payments.Refunds(t.Context(), RefundStates(), after, 3)
		if err != nil || len(page) == 0 || len(page) > 3 {
			t.Fatalf("page %+v, %v", page, err)
		}
		for _, r := range page {
			got = append(got, r.ID)
		}
		after = next
	}
	if len(slices.Compact(got)) != 8 || !slices.IsSorted(got) {
		t.Errorf("pages have %v, want 8 refunds in the order of their ids", got)
	}
	if due, next, err := f.payments.Refunds(t.Context(), []string{refundDue}, "", 3); err != nil || len(due) != 3 || next != "" {
		t.Errorf("due are %+v, then %q, %v", due, next, err)
	}
}
