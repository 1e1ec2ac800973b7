package order

import (
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db/dbtest"
)

func TestReportTellsWhereMoneyAndTicketsAre(t *testing.T) {
	f := newFixture(t)
	late, pending, unseen := f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(late, pending)
	short := f.payment(pending)
	short.Amount.Amount--
	f.pay(short, Mismatch)
	f.cancel(late)
	cancelledAt := f.clock.now().UTC()
	f.clock.advance(time.Minute)
	tooLate, early := f.payment(late), f.payment(unseen)
	f.pay(tooLate, RefundDue)
	f.pay(early, Parked)

	if got, err := f.orders.Totals(t.Context()); err != nil || got != (Totals{Parked: 1, Mismatched: 1, RefundsDue: 2}) {
		t.Errorf("totals %+v, %v", got, err)
	}
	for want, read := range map[string]func() ([]Claim, error){
		early.ID: func() ([]Claim, error) { return f.orders.PaymentsOf(t.Context(), Parked, Claim{}, 10) },
		short.ID: func() ([]Claim, error) { return f.orders.PaymentsOf(t.Context(), Mismatch, Claim{}, 10) },
	} {
		if got, err := read(); err != nil || len(got) != 1 || got[0].PaymentID != want || got[0].Since.IsZero() {
			t.Errorf("claims %+v, %v, want payment %s", got, err, want)
		}
	}
	refunds, err := f.orders.RefundsDue(t.Context(), 10)
	if err != nil || len(refunds) != 2 || refunds[0].PaymentID != short.ID || refunds[1].PaymentID != tooLate.ID {
		t.Errorf("refunds %+v, %v", refunds, err)
	}
	tickets, err := f.orders.TicketsByState(t.Context())
	if err != nil || tickets[late.ScreeningID][Cancelled] != late.Quantity || tickets[pending.ScreeningID][PendingPayment] != pending.Quantity {
		t.Errorf("tickets %v, %v", tickets, err)
	}
	ids, err := f.orders.IDsAfter(t.Context(), "", 1)
	if err != nil || len(ids) != 1 {
		t.Fatalf("ids %v, %v", ids, err)
	}
	if rest, err := f.orders.IDsAfter(t.Context(), ids[0], 10); err != nil || len(rest) != 1 || rest[0] <= ids[0] {
		t.Errorf("ids after %v: %v, %v", ids, rest, err)
	}
	settled, err := f.orders.SettledAt(t.Context(), late.ID, pending.ID, "nobody")
	if err != nil || len(settled) != 1 || !settled[late.ID].Equal(cancelledAt) {
		t.Errorf("settled %v, %v, want %s at %s", settled, err, late.ID, cancelledAt)
	}
}

// To list the oldest thousand refunds that wait, the doctor had all of them read and sorted: after a cancelled screening they are
// a hundred thousand. Each state is read in the order of its index, and sorted is only what that gives.
func TestOldestRefundsAreReadByTheirIndex(t *testing.T) {
	f := newFixture(t)
	plan := dbtest.Plan(t, f.db, refundsDueSelect(), 10, 10, 10, 10)
	if strings.Count(plan, "refunds_waiting") < 3 || strings.Count(plan, "TEMP B-TREE")+strings.Count(plan, "filesort") > 1 {
		t.Errorf("the plan is %s", plan)
	}
	var want []string
	for range 3 {
		o := f.reserve(time.Hour)
		f.create(o)
		f.cancel(o)
		p := f.payment(o)
		f.pay(p, RefundDue)
		f.clock.advance(time.Millisecond)
		want = append(want, p.ID)
	}
	for i, state := range []string{"needs_attention", "due", "failed"} {
		f.exec(`UPDATE refunds SET state = ? WHERE payment_id = ?`, state, want[i])
	}
	for limit := range 4 {
		got, err := f.orders.RefundsDue(t.Context(), limit)
		if err != nil || !slices.EqualFunc(got, want[:limit], func(c Claim, id string) bool { return c.PaymentID == id }) {
			t.Errorf("the oldest %d are %+v, %v, want %v", limit, got, err, want[:limit])
		}
	}
}

// Whoever sent the parked payments of one page back and turned to the next one was led past as many: a page began after a
// number of payments, of which there were fewer by then.
func TestPagesOfParkedPaymentsLeaveNoneOut(t *testing.T) {
	f := newFixture(t)
	var want []string
	for n := range 5 {
		p := f.payment(f.reserve(time.Hour))
		f.pay(p, Parked)
		want = append(want, p.ID)
		if n%2 == 1 {
			f.clock.advance(time.Millisecond) // others came in the same one
		}
	}
	var got []string
	var last Claim
	for {
		page, err := f.orders.PaymentsOf(t.Context(), Parked, last, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		last = page[len(page)-1]
		for _, claim := range page {
			got = append(got, claim.PaymentID)
			if err := f.orders.RefundParked(t.Context(), claim.PaymentID, audit.Act{Actor: "me", Note: "why"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("pages have %v, want %v", got, want)
	}
}
