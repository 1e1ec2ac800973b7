package payment

import (
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/db/dbtest"
	"boxoffice/order"
)

// What stock has not heard of a cancelled order, the work in the background tells it.
func TestWorkTellsStockOfReturnedTickets(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.pay(o, 9800)
	if _, err := f.orders.CancelPaid(t.Context(), o.ID, audit.Act{Actor: "boss", Note: "the projector"}); err != nil {
		t.Fatal(err)
	}
	dbtest.Exec(t, f.db, `INSERT INTO order_returns (order_id, next_at) VALUES (?, ?)`, o.ID, f.now().UnixMilli()) // as if it had died
	f.work()
	if n, err := f.orders.AnnounceReturned(t.Context()); n != 0 || err != nil {
		t.Errorf("%d orders are still to be told of, %v", n, err)
	}
	f.wantOrder(o.ID, order.Cancelled, order.CancelByOffice)
}
