package notify

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// What is kept of a buyer goes with the orders: the notifications of an archived screening, and the contacts of who has
// nothing else. What the order service still has stays.
func TestPurgeForgetsWhoWasTold(t *testing.T) {
	f := newFixture(t)
	var orders []event.Order
	for i := range purgeOrders + 7 {
		orders = append(orders, f.order(fmt.Sprintf("o-%03d", i), order.PendingPayment, ""))
	}
	elsewhere := f.order("elsewhere", order.PendingPayment, "")
	elsewhere.BuyerID, elsewhere.ScreeningID = "bob", "another"
	f.office.change(func() { f.office.rows["elsewhere"] = order.Order{Order: elsewhere, State: order.PendingPayment} })
	f.contact(alice)
	f.contact(Contact{BuyerID: "bob", Email: "bob@example.org"})
	f.contact(Contact{BuyerID: "carol", Email: "carol@example.org"}) // who has never bought anything
	f.reserve(append(orders, elsewhere)...)
	gone := func(_ context.Context, id string) (bool, error) { return id == testScreeningID, nil }

	f.office.change(func() { f.office.err = order.ErrUnavailable })
	if n, err := f.Purge(t.Context(), gone); n != 0 || !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("without the order service: %d, %v", n, err)
	}
	f.office.change(func() { f.office.err = nil })
	if n, err := f.Purge(t.Context(), gone); n != 0 || err != nil {
		t.Errorf("orders that are there: %d, %v", n, err)
	}
	f.office.change(func() { // the archive has them
		for _, o := range orders {
			delete(f.office.rows, o.ID)
		}
	})
	if n, err := f.Purge(t.Context(), gone); n != purgeOrders+7 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	for _, buyer := range []string{"alice", "bob", "carol"} {
		if _, err := f.ContactOf(t.Context(), buyer); err != nil {
			t.Errorf("contact of %s, who may buy again soon: %v", buyer, err)
		}
	}
	f.advance(contactRest + time.Second)
	if n, err := f.Purge(t.Context(), gone); n != 2 || err != nil {
		t.Errorf("deleted %d contacts, %v", n, err)
	}
	if _, err := f.ContactOf(t.Context(), "alice"); !errors.Is(err, ErrContactAbsent) {
		t.Errorf("contact of alice: %v", err)
	}
	if _, err := f.ContactOf(t.Context(), "bob"); err != nil {
		t.Errorf("contact of bob, of whose order there is something to tell: %v", err)
	}
	f.wantTold("elsewhere", "reserved mail due")
}

// A contact of long ago looked idle, and before it was deleted its buyer bought again: the contact went all the same, and what
// was due was skipped.
func TestContactIsKeptOfWhoBuysDuringAPurge(t *testing.T) {
	f := newFixture(t)
	f.contact(alice)
	f.contact(Contact{BuyerID: "carol", Email: "carol@example.org"})
	f.advance(contactRest + time.Second)
	idle := []string{"alice", "carol"} // as the purge has read them
	f.order("o-1", order.Paid, "")
	f.settle("o-1")
	if n, err := f.deleteContacts(t.Context(), idle, f.now().Add(-contactRest).UnixMilli()); n != 1 || err != nil {
		t.Errorf("deleted %d contacts, %v; want carol's", n, err)
	}
	f.work()
	f.wantTold("o-1", "paid mail sent")
}
