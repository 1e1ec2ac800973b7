package order

import (
	"testing"
	"time"

	"boxoffice/common/event"
)

// After an hour's outage, or from a backup of an hour ago, the first look at a row sent its money back, although nobody had
// asked stock: which had the tickets, or had sold them by then, and the order could never be paid for them again.
func TestStockIsAskedBeforeMoneyGoesBackAfterAnOutage(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.clock.advance(2 * time.Hour)
	f.wantWanted(o.ID)
	f.wantPayment(p.ID, Parked, "")
	f.publish(event.Reserved{Sold: []event.Order{again(o)}})
	f.wantState(o.ID, Paid, "")
}

// An order that was paid because stock had sold its tickets kept its row of those that wait. Nothing ever dropped it, and its
// screening could not be archived.
func TestPaidOrderWaitsForNothing(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	f.pay(f.payment(o), Parked)
	f.publish(event.Reserved{Sold: []event.Order{again(o)}})
	f.wantState(o.ID, Paid, "")
	f.wantNothingWaiting()
	f.fence(1)
	records, err := f.orders.Records(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.orders.DropRecords(t.Context(), o.ScreeningID, 1, []Record{records[o.ID]}); err != nil {
		t.Errorf("drop: %v", err)
	}
}

// A message from before the revival undid an order that was paid for tickets that stock had sold: it was cancelled, its money
// went back, and its tickets stayed sold.
func TestOldReleaseDoesNotUndoARevivedOrder(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	f.pay(f.payment(o), Parked)
	f.publish(event.Reserved{Sold: []event.Order{again(o)}})
	f.wantState(o.ID, Paid, "")
	f.publish(event.Reserved{Released: []event.Order{o}})
	f.wantState(o.ID, Paid, "")
}

// A cancelled order whose late money was refused, or whose buyer cancelled once more, after its file was written was no longer
// as it is there: nothing of the file could be restored.
func TestRestorePassesOverAnEndedRevival(t *testing.T) {
	f := newFixture(t)
	o, other := f.unpaid(), f.unpaid()
	f.fence(1)
	records, err := f.orders.Records(t.Context(), o.ID, other.ID)
	if err != nil {
		t.Fatal(err)
	}
	list := []Record{records[o.ID], records[other.ID]}
	if err := f.orders.DropRecords(t.Context(), o.ScreeningID, 1, list[1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := f.orders.Cancel(t.Context(), o, false); err != nil {
		t.Fatal(err)
	}
	if err := f.orders.RestoreRecords(t.Context(), o.ScreeningID, 1, list); err != nil {
		t.Errorf("restore: %v", err)
	}
}

// A cancelled screening had sold tickets whose order this database, from a backup, knew as cancelled. They were never
// returned, and the cancellation never ended.
func TestCancelledScreeningGetsSoldTicketsBackOfACancelledOrder(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	if err := f.orders.CancelForScreening(t.Context(), nil, []event.Order{again(o)}); err != nil {
		t.Fatal(err)
	}
	settled := f.settledMessages()
	if last := settled[len(settled)-1]; last != (event.SettledOrder{OrderID: o.ID, Outcome: event.Returned}) {
		t.Errorf("stock was told %+v", last)
	}
	f.wantState(o.ID, Cancelled, CancelUnpaid)
}
