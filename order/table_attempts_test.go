package order

import (
	"testing"
	"time"

	"boxoffice/common/db/dbtest"
	"boxoffice/common/event"
)

// openUntil records an open attempt to pay for an order, which is asked for only in an hour, and returns what tells whether it is
// due.
func (f *fixture) openUntil(o event.Order) (isDue func() bool) {
	f.t.Helper()
	f.addAttempt("try-"+o.ID, o.ID, "open")
	dbtest.Exec(f.t, f.db, `UPDATE payment_attempts SET next_at = ? WHERE order_id = ?`, f.clock.now().Add(time.Hour).UnixMilli(), o.ID)
	return func() bool {
		var n int
		if err := f.db.Reader().GetContext(f.t.Context(), &n, `SELECT COUNT(*) FROM payment_attempts WHERE order_id = ? AND next_at <= ?`,
			o.ID, f.clock.now().UnixMilli()); err != nil {
			f.t.Fatal(err)
		}
		return n > 0
	}
}

// An order was paid in one transaction, and its attempts ended in another one: a kill between the two left a page on which the
// order could be paid once more. They end with every payment that pays an order and was started here, and with no other one.
func TestPaymentEndsTheAttemptsOfItsOrder(t *testing.T) {
	started := func(f *fixture, o event.Order) Payment {
		p := f.payment(o)
		p.Started = true
		return p
	}
	for name, c := range map[string]struct {
		pay  func(f *fixture, o event.Order)
		want bool
	}{
		"alone":             {func(f *fixture, o event.Order) { f.create(o); f.pay(started(f, o), Applied) }, true},
		"started elsewhere": {func(f *fixture, o event.Order) { f.create(o); f.pay(f.payment(o), Applied) }, false},
		"beside what is decided by itself": {func(f *fixture, o event.Order) {
			f.create(o)
			p := started(f, o)
			if _, err := f.orders.receive(f.t.Context(), []Payment{p, p}); err != nil {
				f.t.Fatal(err)
			}
		}, true},
		"of another amount": {func(f *fixture, o event.Order) {
			f.create(o)
			p := started(f, o)
			p.Amount.Amount++
			f.pay(p, Mismatch)
		}, false},
		"before its order": {func(f *fixture, o event.Order) { f.pay(started(f, o), Parked); f.create(o) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o, other := f.reserve(time.Hour), f.reserve(time.Hour)
			isDue, isOtherDue := f.openUntil(o), f.openUntil(other)
			c.pay(f, o)
			if isDue() != c.want || isOtherDue() {
				t.Errorf("the attempt is due: %t, want %t; another order's: %t, want false", isDue(), c.want, isOtherDue())
			}
		})
	}
}
