package order

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
	"boxoffice/common/mq"
)

// unpaid makes an order that was sold under LateRevive and is cancelled as unpaid.
func (f *fixture) unpaid() event.Order {
	f.t.Helper()
	o := f.reserve(time.Minute)
	o.LatePayment = event.LateRevive
	f.create(o)
	f.clock.advance(time.Minute)
	f.timeout(o.ID)
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	return o
}

// again is an order as stock publishes it once its tickets are held again.
func again(o event.Order) event.Order {
	o.LatePayment = event.LateRevived
	return o
}

// wantWanted runs the worker once and checks the orders of all tickets-wanted so far.
func (f *fixture) wantWanted(want ...string) {
	f.t.Helper()
	if _, err := f.orders.WantTickets(f.t.Context()); err != nil {
		f.t.Fatalf("WantTickets: %v", err)
	}
	var got []string
	decodeSent(f, event.TicketsWanted, func(w event.Wanted, _ mq.DelayLevel) { got = append(got, w.OrderIDs...) })
	if !slices.Equal(got, want) {
		f.t.Errorf("asked for the tickets of %v, want %v", got, want)
	}
}

// wantNothingWaiting checks that no order is left for which stock would be asked.
func (f *fixture) wantNothingWaiting() {
	f.t.Helper()
	var waiting []string
	if err := f.db.Reader().SelectContext(f.t.Context(), &waiting, `SELECT order_id FROM revivals`); err != nil || len(waiting) > 0 {
		f.t.Errorf("%v wait, %v", waiting, err)
	}
	f.wantInvariants()
}

// Without the policy all is as it was: the money of a late payment goes back at once, and stock is not asked.
func TestLatePaymentGoesBackByDefault(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Minute)
	f.create(o)
	f.clock.advance(time.Minute)
	f.timeout(o.ID)
	f.pay(f.payment(o), RefundDue)
	f.wantWanted()
	f.wantNothingWaiting()
}

func TestLatePaymentRevivesItsOrder(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.pay(p, Duplicate)
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	f.wantWanted(o.ID)
	f.wantPayment(p.ID, Parked, "")
	f.wantInvariants()
	for range 2 {
		f.publish(event.Reserved{Revived: []event.Order{again(o)}})
		f.wantState(o.ID, Paid, "")
		f.wantPayment(p.ID, Applied, "")
	}
	settled := f.settledMessages()
	if last := settled[len(settled)-1]; last != (event.SettledOrder{OrderID: o.ID, Outcome: event.Paid}) {
		t.Errorf("it said %v at last", last)
	}
	f.clock.advance(time.Hour)
	f.wantWanted(o.ID)
	f.pay(f.payment(o), RefundDue) // it is paid
	if _, err := f.orders.CancelPaid(t.Context(), o.ID, audit.Act{Actor: "me", Note: "why"}); err != nil {
		t.Fatal(err)
	}
	f.pay(f.payment(o), RefundDue) // the office has cancelled it
	f.wantNothingWaiting()
}

// An old message of the purchase does not revive an order, whatever waits for it.
func TestOldMessagesDoNotRevive(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.create(o)
	f.timeout(o.ID)
	f.publish(event.Reserved{Released: []event.Order{o}})
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	f.wantPayment(p.ID, Parked, "")
	f.wantInvariants()
}

// That the tickets went back is no longer true once they were taken again: an order that was revived was cancelled by a
// message from before, and its tickets were sold without money.
func TestReleasedFromBeforeTheRevivalIsPassedOver(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.publish(event.Reserved{Revived: []event.Order{again(o)}})
	f.publish(event.Reserved{Released: []event.Order{o}, Refused: []string{o.ID}})
	f.wantState(o.ID, Paid, "")
	f.wantPayment(p.ID, Applied, "")
	f.publish(event.Reserved{Released: []event.Order{again(o)}}) // stock does not have them after all
	f.wantState(o.ID, Cancelled, CancelReleased)
	f.wantPayment(p.ID, RefundDue, OrderCancelled)
	f.wantInvariants()
}

func TestRefusedTicketsSendTheMoneyBack(t *testing.T) {
	f := newFixture(t)
	o, other := f.unpaid(), f.unpaid()
	first, second, others := f.payment(o), f.payment(o), f.payment(other)
	f.pay(first, Parked)
	f.pay(second, Parked)
	f.pay(others, Parked)
	for range 2 {
		f.publish(event.Reserved{Refused: []string{o.ID, "unknown"}})
		f.wantState(o.ID, Cancelled, CancelUnpaid)
		f.wantPayment(first.ID, RefundDue, OrderCancelled)
		f.wantPayment(second.ID, RefundDue, OrderCancelled)
		f.wantPayment(others.ID, Parked, "")
	}
	f.pay(f.payment(o), RefundDue) // stock has said no
	f.wantWanted(other.ID)
	f.wantInvariants()
}

// Two tries of one buyer were both paid: the older one pays the order, the other goes back.
func TestOneOfTwoLatePaymentsIsApplied(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	first, second, short := f.payment(o), f.payment(o), f.payment(o)
	short.Amount.Amount--
	f.pay(first, Parked)
	f.clock.advance(time.Millisecond)
	f.pay(second, Parked)
	f.pay(short, Mismatch)
	f.wantWanted(o.ID)
	f.publish(event.Reserved{Revived: []event.Order{again(o)}})
	f.wantPayment(first.ID, Applied, "")
	f.wantPayment(second.ID, RefundDue, AlreadyPaid)
	f.wantPayment(short.ID, Mismatch, WrongAmount)
	f.wantNothingWaiting()
}

// Who cancels an order does not want the tickets, also one that was cancelled as unpaid while the money is on its way.
func TestCancelledByHandIsNotRevived(t *testing.T) {
	f := newFixture(t)
	byBuyer := f.reserve(time.Minute)
	byBuyer.LatePayment = event.LateRevive
	f.create(byBuyer)
	f.cancel(byBuyer)
	f.pay(f.payment(byBuyer), RefundDue)

	byOffice := f.reserve(time.Minute)
	byOffice.LatePayment = event.LateRevive
	f.create(byOffice)
	f.pay(f.payment(byOffice), Applied)
	if _, err := f.orders.CancelPaid(t.Context(), byOffice.ID, audit.Act{Actor: "me", Note: "why"}); err != nil {
		t.Fatal(err)
	}
	f.pay(f.payment(byOffice), RefundDue)

	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.cancel(o)
	f.wantPayment(p.ID, RefundDue, OrderCancelled)
	f.pay(f.payment(o), RefundDue)
	f.publish(event.Reserved{Revived: []event.Order{again(o)}})
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	f.wantDeclined(o.ID)
	f.wantNothingWaiting()
}

// wantDeclined checks that stock was told last to give the tickets back.
func (f *fixture) wantDeclined(id string) {
	f.t.Helper()
	settled := f.settledMessages()
	if !slices.Contains(settled, event.SettledOrder{OrderID: id, Outcome: event.Declined}) {
		f.t.Errorf("it said %v, want %s", settled, event.Declined)
	}
}

// The office sends the money back by hand while stock takes the tickets: the order declines them.
func TestTicketsAreDeclinedWhoseMoneyHasGoneBack(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.wantWanted(o.ID)
	if err := f.orders.RefundParked(t.Context(), p.ID, audit.Act{Actor: "me", Note: "why"}); err != nil {
		t.Fatal(err)
	}
	f.wantPayment(p.ID, RefundDue, OrderCancelled)
	f.clock.advance(time.Minute)
	f.wantWanted(o.ID) // it is not asked again
	f.publish(event.Reserved{Revived: []event.Order{again(o)}})
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	f.wantDeclined(o.ID)
	f.pay(f.payment(o), RefundDue) // it was tried once
	f.wantNothingWaiting()
}

// Each message and each answer can be lost, and the broker away: stock is asked again, with growing pauses, until the
// money has waited too long.
func TestStockIsAskedAgainWithinBounds(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.refuse.Store(true)
	if _, err := f.orders.WantTickets(t.Context()); err == nil {
		t.Error("a message that was refused went through")
	}
	f.refuse.Store(false)
	f.wantWanted() // its time has not come
	asked := []string{}
	for pause := 2 * wantedPause; pause < wantedLast; pause *= 2 {
		f.clock.advance(pause)
		asked = append(asked, o.ID)
		f.wantWanted(asked...)
		f.wantWanted(asked...)
	}
	if n, err := f.orders.RefundStranded(t.Context(), f.clock.now().Add(time.Hour), nil); n != 0 || err != nil {
		t.Errorf("%d payments were taken for stranded, %v", n, err)
	}
	f.clock.advance(reviveLimit)
	asked = append(asked, o.ID) // nobody has asked for an hour: once more before the money goes back
	f.wantWanted(asked...)
	f.wantPayment(p.ID, Parked, "")
	f.clock.advance(wantedLast)
	f.wantWanted(asked...)
	f.wantPayment(p.ID, RefundDue, OrderCancelled)
	f.publish(event.Reserved{Revived: []event.Order{again(o)}}) // the answer comes too late
	f.wantDeclined(o.ID)
	f.wantState(o.ID, Cancelled, CancelUnpaid)
	f.wantNothingWaiting()
}

// Any number of processes ask; each order is asked for by one of them.
func TestWorkersShareTheAsking(t *testing.T) {
	f := newFixture(t)
	for range 6 {
		f.pay(f.payment(f.unpaid()), Parked)
	}
	together(4, func(int) {
		if _, err := f.orders.WantTickets(t.Context()); err != nil {
			t.Error(err)
		}
	})
	asked := map[string]int{}
	decodeSent(f, event.TicketsWanted, func(w event.Wanted, _ mq.DelayLevel) {
		for _, id := range w.OrderIDs {
			asked[id]++
		}
	})
	for id, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", id, n)
		}
	}
	if len(asked) != 6 {
		t.Errorf("%d orders were asked for, want 6", len(asked))
	}
}

// The order database is from a backup: stock has sold the tickets of an order that is cancelled in it, or is gone. The
// provider sends the payment once more, and the order is paid.
func TestOrderDatabaseThatIsOlderThanARevival(t *testing.T) {
	f := newFixture(t)
	sold, gone := f.unpaid(), f.reserve(0)
	late, early := f.payment(sold), f.payment(gone)
	f.pay(late, Parked)
	f.pay(early, Parked)
	f.publish(event.Reserved{Sold: []event.Order{again(sold)}, Revived: []event.Order{again(gone)}})
	f.wantState(sold.ID, Paid, "")
	f.wantState(gone.ID, Paid, "")
	f.wantWanted()
	f.wantNothingWaiting()

	empty := f.reserve(0)
	f.publish(event.Reserved{Revived: []event.Order{again(empty)}})
	f.wantState(empty.ID, Cancelled, CancelUnpaid)
	f.wantDeclined(empty.ID)
}

// An order for whose tickets money waits is not archived; once that is decided it is, and comes back as it was.
func TestArchiveWaitsForLateMoney(t *testing.T) {
	f := newFixture(t)
	o := f.unpaid()
	p := f.payment(o)
	f.pay(p, Parked)
	f.fence(1)
	records, err := f.orders.Records(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.orders.DropRecords(t.Context(), o.ScreeningID, 1, []Record{records[o.ID]}); !errors.Is(err, errOrderPending) {
		t.Errorf("drop: %v, want errOrderPending", err)
	}
	f.publish(event.Reserved{Revived: []event.Order{again(o)}})
	before := f.find(o.ID)
	back := f.archive(o)
	if err := f.orders.RestoreRecords(t.Context(), o.ScreeningID, 1, back); err != nil {
		t.Fatal(err)
	}
	if after := f.find(o.ID); after != before || after.LatePayment != event.LateRevived {
		t.Errorf("restored %+v, was %+v", after, before)
	}
	f.wantPayment(p.ID, Applied, "")
	f.wantNothingWaiting()
}

// Payments, the buyer, the office, the worker and stock's answers meet at one order. Whoever wins, the order is paid by
// one payment or by none, and nothing waits for ever.
func TestLateMoneyHasOneFate(t *testing.T) {
	f := newFixture(t)
	rounds := 60
	if testing.Short() {
		rounds = 12
	}
	fates := map[State]int{}
	for round := range rounds {
		o := f.unpaid()
		payments := []Payment{f.payment(o), f.payment(o)}
		f.pay(payments[0], Parked)
		together(6, func(n int) {
			if err := f.strikeLate(rand.New(rand.NewPCG(uint64(round), uint64(n))), n, o, payments); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		})
		f.clock.advance(reviveLimit)
		if _, err := f.orders.WantTickets(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.wantNothingWaiting()
		fates[f.find(o.ID).State]++
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("fates: %v", fates)
}

func (f *fixture) strikeLate(random *rand.Rand, n int, o event.Order, payments []Payment) error {
	time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
	ctx := f.t.Context()
	switch {
	case n == 0:
		_, err := f.orders.Pay(ctx, payments[1])
		return err
	case n == 1:
		return f.orders.Create(ctx, event.Reserved{Revived: []event.Order{again(o)}})
	case n == 2 && random.IntN(2) == 0:
		return f.orders.Create(ctx, event.Reserved{Refused: []string{o.ID}})
	case n == 3 && random.IntN(2) == 0:
		_, err := f.orders.Cancel(ctx, o, false)
		if errors.Is(err, ErrAlreadyPaid) {
			return nil
		}
		return err
	case n == 4 && random.IntN(2) == 0:
		err := f.orders.RefundParked(ctx, payments[0].ID, audit.Act{Actor: "me", Note: "why"})
		if errors.Is(err, ErrPaymentAbsent) {
			return nil
		}
		return err
	default:
		_, err := f.orders.WantTickets(ctx)
		return err
	}
}
