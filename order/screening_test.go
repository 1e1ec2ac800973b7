package order

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/common/audit"
	"boxoffice/common/event"
)

func (f *fixture) cancelForScreening(held, sold []event.Order) {
	f.t.Helper()
	if err := f.orders.CancelForScreening(f.t.Context(), held, sold); err != nil {
		f.t.Fatalf("CancelForScreening: %v", err)
	}
}

// However an order stands when its screening is cancelled, it ends cancelled, its money goes back once, and stock is told.
func TestCancelForScreening(t *testing.T) {
	f := newFixture(t)
	pending, paid, partly := f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour)
	byBuyer, missing, parked, lost := f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(pending, paid, partly, byBuyer)
	p, q, early := f.payment(paid), f.payment(partly), f.payment(parked)
	f.pay(p, Applied)
	f.pay(q, Applied)
	f.pay(early, Parked)
	if _, err := f.orders.RefundPart(t.Context(), partly.ID, "k", 100, audit.Act{Actor: "boss", Note: "why"}); err != nil {
		t.Fatal(err)
	}
	f.cancel(byBuyer)
	held, sold := []event.Order{pending, byBuyer, missing, parked}, []event.Order{paid, partly, lost}
	for range 2 { // to repeat it changes nothing
		f.cancelForScreening(held, sold)
		for _, o := range []event.Order{pending, paid, partly, missing, parked} {
			f.wantState(o.ID, Cancelled, CancelByOffice)
			if told := (event.SettledOrder{OrderID: o.ID, Outcome: event.Returned}); !slices.Contains(f.settledMessages(), told) {
				t.Errorf("stock is told %v, want %v", f.settledMessages(), told)
			}
		}
		f.wantState(byBuyer.ID, Cancelled, CancelByBuyer)
		f.wantPayment(p.ID, RefundDue, OrderCancelled)
		f.wantPayment(early.ID, RefundDue, OrderCancelled)
	}
	if money, err := f.orders.SumMoney(t.Context(), []string{paid.ID, partly.ID, parked.ID}); err != nil || money != (Money{3 * 9800, 3 * 9800}) {
		t.Errorf("%+v, %v", money, err)
	}
	if found, err := f.orders.Find(t.Context(), lost.ID); err != nil || len(found) != 0 {
		t.Errorf("an order was made of tickets that were sold: %+v, %v", found, err)
	}
	late := f.payment(missing)
	f.pay(late, RefundDue)
	f.create(missing) // its message comes late
	f.wantState(missing.ID, Cancelled, CancelByOffice)
	var refunds int
	if err := f.db.Reader().Get(&refunds, `SELECT COUNT(*) FROM refunds`); err != nil || refunds != 5 {
		t.Errorf("%d refunds, %v, want 5: two of the order that had a part back", refunds, err)
	}
}

// Nothing is lost while the broker is away: the same orders come again.
func TestCancelForScreeningFailsUntilStockIsTold(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.refuse.Store(true)
	if err := f.orders.CancelForScreening(t.Context(), []event.Order{o}, nil); err == nil {
		t.Error("it succeeded, and stock was not told")
	}
	f.refuse.Store(false)
	f.cancelForScreening([]event.Order{o}, nil)
	f.wantSettled(event.SettledOrder{OrderID: o.ID, Outcome: event.Returned})
}

// Payments, a buyer's cancellation, a refund of a part, an old message and two workers meet at one order. It is cancelled,
// and all of its money goes back, no cent twice.
func TestCancelForScreeningAgainstEverything(t *testing.T) {
	f := newFixture(t)
	act := audit.Act{Actor: "boss", Note: "why"}
	for round := range 20 {
		o := f.reserve(time.Hour)
		if round%2 == 0 {
			f.create(o)
		}
		first, second := f.payment(o), f.payment(o)
		steps := []func() error{
			func() error { return f.orders.CancelForScreening(t.Context(), []event.Order{o}, nil) },
			func() error { return f.orders.CancelForScreening(t.Context(), []event.Order{o}, nil) },
			func() error { _, err := f.orders.Pay(t.Context(), first); return err },
			func() error { _, err := f.orders.Pay(t.Context(), second); return err },
			func() error { return f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{o}}) },
			func() error { _, err := f.orders.Cancel(t.Context(), o, true); return err },
			func() error { _, err := f.orders.RefundPart(t.Context(), o.ID, "k", 100, act); return err },
			func() error { _, err := f.orders.CancelPaid(t.Context(), o.ID, act); return err },
		}
		together(len(steps), func(i int) {
			err := steps[i]()
			allowed := func(known error) bool { return errors.Is(err, known) }
			if err != nil && !slices.ContainsFunc([]error{ErrAlreadyPaid, ErrNotPaid, ErrOrderAbsent}, allowed) {
				t.Errorf("step %d: %v", i, err)
			}
		})
		if got := f.find(o.ID); got.State != Cancelled {
			t.Errorf("round %d: the order is %s", round, got.State)
		}
		if money, err := f.orders.SumMoney(t.Context(), []string{o.ID}); err != nil || money != (Money{2 * 9800, 2 * 9800}) {
			t.Errorf("round %d: %+v, %v", round, money, err)
		}
	}
	f.wantMoneyBalance()
}

// wantMoneyBalance checks that what goes back of each payment is what its refunds come to.
func (f *fixture) wantMoneyBalance() {
	f.t.Helper()
	var n int
	if err := f.db.Reader().Get(&n, `SELECT COUNT(*) FROM payments p WHERE p.refunded <>
		(SELECT COALESCE(SUM(amount), 0) FROM refunds r WHERE r.payment_id = p.id)`); err != nil || n != 0 {
		f.t.Errorf("%d payments of which something else goes back, %v", n, err)
	}
}

// A part was sent back, its answer was lost, and the order was cancelled before the operator's browser asked again: it was told
// that the order is not paid, although the money is on its way.
func TestPartRefundThatIsRepeatedAfterACancellationIsTheSame(t *testing.T) {
	f := newFixture(t)
	o := f.reserve(time.Hour)
	f.create(o)
	f.pay(f.payment(o), Applied)
	act := audit.Act{Actor: "boss", Note: "why"}
	first, err := f.orders.RefundPart(t.Context(), o.ID, "k", 100, act)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.orders.CancelPaid(t.Context(), o.ID, act); err != nil {
		t.Fatal(err)
	}
	if again, err := f.orders.RefundPart(t.Context(), o.ID, "k", 100, act); err != nil || again != first {
		t.Errorf("repeated: %q, %v, want %q", again, err, first)
	}
	if _, err := f.orders.RefundPart(t.Context(), o.ID, "k", 99, act); !errors.Is(err, ErrRefundKeyUsed) {
		t.Errorf("another amount: %v", err)
	}
	if _, err := f.orders.RefundPart(t.Context(), o.ID, "another", 100, act); !errors.Is(err, ErrNotPaid) {
		t.Errorf("another part: %v", err)
	}
	var sum int64
	if err := f.db.Reader().Get(&sum, `SELECT SUM(amount) FROM refunds WHERE order_id = ?`, o.ID); err != nil || sum != 9800 {
		t.Errorf("%d goes back, %v", sum, err)
	}
}

func TestActsOnMoneyAreRecorded(t *testing.T) {
	f := newFixture(t)
	act := audit.Act{Actor: "boss", Name: strings.Repeat("\u738b", 100), Process: "shop, pid 7", Note: "why"}
	o, nobodys := f.reserve(time.Hour), f.reserve(time.Hour)
	f.create(o)
	f.pay(f.payment(o), Applied)
	stray := f.payment(nobodys)
	f.pay(stray, Parked)
	refund, err := f.orders.RefundPart(t.Context(), o.ID, "k", 100, act)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Millisecond)
	if _, err := f.orders.CancelPaid(t.Context(), o.ID, act); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Millisecond)
	if err := f.orders.RefundParked(t.Context(), stray.ID, act); err != nil {
		t.Fatal(err)
	}
	acts, err := f.orders.Acts(t.Context(), audit.Filter{Actor: "boss"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range acts {
		got = append(got, a.What+" "+a.Subject+" "+string(a.Before)+" "+string(a.After))
	}
	want := []string{
		"refund_parked " + stray.ID + ` {"result":"parked"} {"result":"refund_due"}`,
		"cancel " + o.ID + ` {"state":"PAID"} {"cancel_reason":"office","state":"CANCELLED"}`,
		"refund_part " + o.ID + ` {"refunded":0} {"refund_id":"` + refund + `","refunded":100}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded\n%q, want\n%q", got, want)
	}
	if a := acts[0].Act; a.Name != strings.Repeat("\u738b", 85) || a.Process != "shop, pid 7" || a.Note != "why" { // 85 take 255 bytes of 256
		t.Errorf("recorded that %+v has acted", a)
	}
	found, err := f.orders.Acts(t.Context(), audit.Filter{Subject: o.ID, What: "cancel"}, 10)
	if err != nil || len(found) != 1 || found[0].ID != acts[1].ID {
		t.Errorf("of one kind: %+v, %v", found, err)
	}
	last, err := f.orders.Acts(t.Context(), audit.Filter{Subject: o.ID, BeforeID: acts[1].ID}, 10)
	if err != nil || len(last) != 1 || last[0].ID != acts[2].ID {
		t.Errorf("before the last of the order: %+v, %v", last, err)
	}
}

// Money waits for the tickets of an order that was cancelled as unpaid when its screening is cancelled. It goes back, and
// what comes later too; tickets that stock has taken again meanwhile are given up.
func TestCancelForScreeningEndsLatePayments(t *testing.T) {
	f := newFixture(t)
	waiting, revived := f.unpaid(), f.unpaid()
	p, q := f.payment(waiting), f.payment(revived)
	f.pay(p, Parked)
	f.pay(q, Parked)
	f.publish(event.Reserved{Revived: []event.Order{again(revived)}})
	f.wantState(revived.ID, Paid, "")
	f.cancelForScreening([]event.Order{again(waiting), again(revived)}, nil)
	f.wantPayment(p.ID, RefundDue, OrderCancelled)
	f.wantPayment(q.ID, RefundDue, OrderCancelled)
	for told, o := range map[event.Outcome]event.Order{event.Declined: waiting, event.Returned: revived} {
		if told := (event.SettledOrder{OrderID: o.ID, Outcome: told}); !slices.Contains(f.settledMessages(), told) {
			t.Errorf("stock is told %v, want %v", f.settledMessages(), told)
		}
	}
	f.publish(event.Reserved{Revived: []event.Order{again(waiting)}}) // stock's answer comes late
	f.wantState(waiting.ID, Cancelled, CancelUnpaid)
	f.pay(f.payment(waiting), RefundDue)
	f.wantNothingWaiting()
}
