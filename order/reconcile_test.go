package order

import (
	"testing"
	"time"

	"boxoffice/common/event"
)

// After a restore of the order database stock published reservations whose tickets had gone back, and old messages came
// again: orders were made of them, parked late payments paid these, and two orders were PAID for the same tickets.
// Wherever such an order stands, it ends cancelled, and its money goes back.
func TestReleasedReservationEndsCancelledAndItsMoneyGoesBack(t *testing.T) {
	for name, before := range map[string]func(*fixture, event.Order) (paymentID string, reason CancelReason){
		"missing":           func(*fixture, event.Order) (string, CancelReason) { return "", CancelReleased },
		"missing, money in": func(f *fixture, o event.Order) (string, CancelReason) { return f.park(o), CancelReleased },
		"pending": func(f *fixture, o event.Order) (string, CancelReason) {
			f.create(o)
			return "", CancelReleased
		},
		"pending, forgotten money": func(f *fixture, o event.Order) (string, CancelReason) {
			f.create(o)
			p := f.payment(o)
			f.forget(p)
			return p.ID, CancelReleased
		},
		"paid": func(f *fixture, o event.Order) (string, CancelReason) {
			id := f.park(o)
			f.create(o)
			return id, CancelReleased
		},
		"cancelled": func(f *fixture, o event.Order) (string, CancelReason) {
			f.create(o)
			f.cancel(o)
			return "", CancelByBuyer
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o, neighbour := f.reserve(time.Hour), f.reserve(time.Hour)
			paymentID, reason := before(f, o)
			f.publish(event.Reserved{Orders: []event.Order{neighbour}, Released: []event.Order{o}})
			f.publish(event.Reserved{Released: []event.Order{o}})
			f.wantState(o.ID, Cancelled, reason)
			f.wantState(neighbour.ID, PendingPayment, "")
			if paymentID != "" {
				f.wantPayment(paymentID, RefundDue, OrderCancelled)
			}
			late := f.payment(o)
			f.pay(late, RefundDue)
			f.create(o) // the message that once reserved it comes again
			f.wantState(o.ID, Cancelled, reason)
			f.wantInvariants()
		})
	}
}

// The order of sold tickets was gone after a restore, and the payment that had bought them came again and stayed parked
// for good.
func TestSoldReservationIsPaidByItsParkedPaymentOnly(t *testing.T) {
	f := newFixture(t)
	paid, lost, wrong := f.reserve(0), f.reserve(0), f.reserve(0)
	cheap := f.payment(paid)
	cheap.Amount.Amount--
	f.pay(cheap, Parked)
	first := f.park(paid)
	f.clock.advance(time.Millisecond)
	second := f.park(paid)
	mismatched := f.payment(wrong)
	mismatched.Amount.Amount--
	f.pay(mismatched, Parked)
	for range 2 {
		f.publish(event.Reserved{Sold: []event.Order{paid, lost, wrong}})
		f.wantState(paid.ID, Paid, "")
		f.wantPayment(first, Applied, "")
		f.wantPayment(second, RefundDue, AlreadyPaid)
		f.wantPayment(cheap.ID, Mismatch, WrongAmount)
		f.wantPayment(mismatched.ID, Parked, "")
	}
	if found, err := f.orders.Find(t.Context(), lost.ID, wrong.ID); err != nil || len(found) != 0 {
		t.Errorf("made %v (%v) of sold tickets without a payment, which would be cancelled", found, err)
	}
	f.wantSettled(event.SettledOrder{OrderID: paid.ID, Outcome: event.Paid})
	f.wantInvariants()
}

// publish hands in what stock publishes.
func (f *fixture) publish(reserved event.Reserved) {
	f.t.Helper()
	if err := f.orders.Create(f.t.Context(), reserved); err != nil {
		f.t.Fatalf("Create: %v", err)
	}
}

// park hands in a payment whose order is not there yet.
func (f *fixture) park(o event.Order) (paymentID string) {
	f.t.Helper()
	p := f.payment(o)
	f.pay(p, Parked)
	return p.ID
}
