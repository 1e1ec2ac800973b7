package tickets

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"boxoffice/common/event"
	"boxoffice/order"
)

// A paid order has one ticket per seat, however often and by how many processes it is told.
func TestPaidOrderGetsItsTicketsOnce(t *testing.T) {
	f := newFixture(t)
	var ids []string
	for i := range 300 { // more than one transaction
		id := fmt.Sprintf("order-%03d", i)
		ids = append(ids, id)
		f.orders.set(id, int64(1+i%3), order.Paid, "")
	}
	told := settled(event.Paid, append(ids, ids[0])...)
	var wait sync.WaitGroup
	for range 4 {
		p := f.process(1)
		for range 2 {
			wait.Go(func() {
				if err := p.Settle(t.Context(), told); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	counts, err := f.Count(t.Context(), testScreeningID)
	if err != nil || counts != (Counts{Valid: 600}) {
		t.Errorf("tickets %+v, %v; want 600", counts, err)
	}
	found := f.of(ids[2])
	if len(found) != 3 {
		t.Fatalf("tickets %+v, want 3", found)
	}
	for i, ticket := range found {
		if ticket.Number != i+1 || ticket.Of != 3 || ticket.State != Valid || ticket.ID != fmt.Sprint(ids[2], "-", i+1) || ticket.Code == "" {
			t.Errorf("ticket %d is %+v", i+1, ticket)
		}
	}
}

// Messages come in any order, and more than once: an order that was paid and then returned ends void.
func TestReturnedOrderEndsVoidInAnyOrder(t *testing.T) {
	for name, messages := range map[string][]event.Outcome{
		"in order":         {event.Paid, event.Returned},
		"reversed":         {event.Returned, event.Paid},
		"repeated":         {event.Paid, event.Paid, event.Returned, event.Paid, event.Returned},
		"paid alone":       {event.Paid},
		"returned alone":   {event.Returned},
		"stock's released": {event.Cancelled, event.Paid},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			tickets := f.pay("sold", 2)
			reason := order.CancelByOffice
			if messages[0] == event.Cancelled {
				reason = order.CancelReleased
			}
			for _, id := range []string{"sold", "never made"} {
				f.orders.set(id, 2, order.Cancelled, reason)
			}
			for _, outcome := range messages {
				f.settle(outcome, "sold", "never made")
			}
			if got := f.stored("sold"); got != "[void void]" {
				t.Errorf("tickets are %s", got)
			}
			if got := f.stored("never made"); got != "[]" {
				t.Errorf("tickets of an order that was returned before it had any: %s", got)
			}
			if _, err := f.CheckIn(t.Context(), entry(tickets[0].Code, "k")); !errors.Is(err, ErrVoid) {
				t.Errorf("check in: %v", err)
			}
		})
	}
}

// Whoever has read that an order is paid may write after it was returned: then it must see so, and make no ticket.
func TestTicketsAreNotMadeBehindAReturn(t *testing.T) {
	f := newFixture(t)
	f.orders.set("a", 2, order.Paid, "")
	other := f.process(1)
	f.orders.change(func() {
		f.orders.onFind = func() { // between the reading of the order and the writing of its tickets
			f.orders.change(func() { f.orders.onFind = nil })
			f.orders.set("a", 2, order.Cancelled, order.CancelByOffice)
			if err := other.Settle(t.Context(), settled(event.Returned, "a")); err != nil {
				t.Error(err)
			}
		}
	})
	f.settle(event.Paid, "a")
	if got := f.stored("a"); got != "[]" {
		t.Errorf("tickets of a returned order: %s", got)
	}
	if _, err := f.OfOrder(t.Context(), "a"); !errors.Is(err, ErrNotPaid) {
		t.Errorf("of a returned order: %v", err)
	}
}

// An order that nobody paid has no tickets and leaves no row, or the unpaid orders of a sale would fill the table.
func TestUnpaidOrdersLeaveNothing(t *testing.T) {
	f := newFixture(t)
	f.orders.set("pending", 1, order.PendingPayment, "")
	f.orders.set("unpaid", 1, order.Cancelled, order.CancelUnpaid)
	f.orders.set("changed his mind", 1, order.Cancelled, order.CancelByBuyer)
	ids := []string{"pending", "unpaid", "changed his mind", "archived"}
	f.settle(event.Cancelled, ids...)
	f.settle(event.Paid, "archived")
	states, err := readStates(t.Context(), f.db, ids)
	if err != nil || len(states) != 0 {
		t.Errorf("known orders %v, %v", states, err)
	}
	for _, id := range ids {
		if _, err := f.OfOrder(t.Context(), id); !errors.Is(err, ErrNotPaid) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// An order that was cancelled as unpaid, and is paid late, has tickets as any other.
func TestLatePaymentGetsTickets(t *testing.T) {
	f := newFixture(t)
	f.orders.set("a", 2, order.Cancelled, order.CancelUnpaid)
	f.settle(event.Cancelled, "a")
	f.orders.set("a", 2, order.Paid, "")
	f.settle(event.Paid, "a")
	f.settle(event.Cancelled, "a") // which comes late
	if got := f.stored("a"); got != "[valid valid]" {
		t.Errorf("tickets are %s", got)
	}
}

// Lost messages heal when somebody asks: the buyer for tickets that were never made, the door for a return that was not told.
func TestLostMessagesHeal(t *testing.T) {
	f := newFixture(t)
	f.orders.set("a", 1, order.Paid, "")
	code := f.of("a")[0].Code // without any message
	if _, err := f.CheckIn(t.Context(), entry(code, "first")); err != nil {
		t.Errorf("check in: %v", err)
	}
	f.orders.set("b", 1, order.Paid, "")
	code = f.of("b")[0].Code
	f.orders.set("b", 1, order.Cancelled, order.CancelByOffice)
	if _, err := f.CheckIn(t.Context(), entry(code, "k")); !errors.Is(err, ErrVoid) {
		t.Errorf("check in after a return that was not told: %v", err)
	}
}

// An outage is one that passes: the consumer calls again, and nothing is half done.
func TestOutagesAreToldApart(t *testing.T) {
	f := newFixture(t)
	f.orders.set("a", 1, order.Paid, "")
	f.orders.change(func() { f.orders.err = order.ErrUnavailable })
	if err := f.Settle(t.Context(), settled(event.Paid, "a")); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("without the order service: %v", err)
	}
	f.orders.change(func() { f.orders.err = nil })
	p := f.process(1)
	if err := p.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Settle(t.Context(), settled(event.Paid, "a")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without the database: %v", err)
	}
	if _, err := p.OfOrder(t.Context(), "a"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without the database: %v", err)
	}
	if _, err := p.CheckIn(t.Context(), entry(f.of("a")[0].Code, "k")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("check in without the database: %v", err)
	}
}
