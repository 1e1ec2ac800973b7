package tickets

import (
	"testing"

	"boxoffice/common/event"
	"boxoffice/order"
)

// A process that handled an old "cancelled" read the order, and was slow. Meanwhile the order was paid late, and another
// process made its tickets: the slow one took them for those of a cancelled order, and voided them for good.
func TestReaderOfACancelledOrderDoesNotVoidItsLaterTickets(t *testing.T) {
	f := newFixture(t)
	f.orders.set(testOrderID, 2, order.Cancelled, order.CancelUnpaid)
	settle := func(outcome event.Outcome) {
		if err := f.Settle(t.Context(), event.Settled{Orders: []event.SettledOrder{{OrderID: testOrderID, Outcome: outcome}}}); err != nil {
			t.Error(err)
		}
	}
	paid := false
	f.orders.change(func() {
		f.orders.onFind = func() {
			if !paid {
				paid = true
				f.orders.set(testOrderID, 2, order.Paid, "")
				settle(event.Paid)
			}
		}
	})
	settle(event.Cancelled)
	settle(event.Paid)
	rows, err := readTickets(t.Context(), f.db, `WHERE order_id = ?`, testOrderID)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d tickets, %v, want 2", len(rows), err)
	}
	for _, r := range rows {
		if r.State != Valid {
			t.Errorf("ticket %s of a paid order is %s", r.ID, r.State)
		}
	}
}
