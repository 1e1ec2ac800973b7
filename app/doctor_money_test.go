//go:build !race

package app

import (
	"strings"
	"testing"
	"time"

	"boxoffice/doctor"
)

// The ledger is checked, with stock's books beside it: money that is nowhere and tickets that nobody paid for are findings.
func TestDoctorComparesTheBooks(t *testing.T) {
	o := newOffice(t, "-sweep-grace", "10h")
	screening := o.addScreening(10, 0)
	o.wantHealthy(0)
	sold := o.mustBuy("alice", screening, 2)
	o.eventuallyStatus("alice", sold.ID, "pending_payment")
	if result := o.callback("pay", sold.ID, 2); result != "applied" {
		t.Fatal(result)
	}
	o.eventuallyCounters(screening, 8, 0, 2)
	o.wantHealthy(2 * time.Minute)
	ledger := func() string {
		return string(o.must("GET", "/v1/admin/ledger", bearer(t, "boss", "admin"), "").body)
	}
	for _, want := range []string{`"balanced":true`, `"tickets_sold":2`, `"sold":9800`, `"on_its_way":0`, `"agrees":true`} {
		if got := ledger(); !strings.Contains(got, want) {
			t.Errorf("ledger %s, want %s", got, want)
		}
	}
	wantFinding := func(kind doctor.Kind) {
		t.Helper()
		if r, err := o.doctor(2 * time.Minute); err == nil || r.Counts[kind] != 1 {
			t.Errorf("doctor found %q, %v, want %s", diagnoses(r), err, kind)
		}
	}
	o.write(o.stockDSN, `UPDATE reservations SET amount = 4900 WHERE order_id = ?`, sold.ID)
	if got := ledger(); !strings.Contains(got, `"sold":4900`) || !strings.Contains(got, `"on_its_way":4900`) {
		t.Errorf("ledger %s", got)
	}
	wantFinding(doctor.LedgerAndStock)
	o.advance(2 * time.Minute)
	if got := ledger(); !strings.Contains(got, `"agrees":false`) {
		t.Errorf("ledger %s", got)
	}
	o.write(o.stockDSN, `UPDATE reservations SET amount = 9800 WHERE order_id = ?`, sold.ID)
	o.wantHealthy(2 * time.Minute)
	o.write(o.orderDSN, `UPDATE payments SET amount = amount + 100 WHERE order_id = ?`, sold.ID)
	wantFinding(doctor.UnbalancedLedger)
}
