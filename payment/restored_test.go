package payment

import (
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// restore makes the database one of a backup that is older than the attempts, or than those that are not closed.
func (f *fixture) restore(knowsClosed bool) {
	f.t.Helper()
	if knowsClosed {
		f.exec(`DELETE FROM payment_attempts WHERE state <> 'closed'`)
	} else {
		f.exec(`DELETE FROM payment_attempts`)
	}
	f.exec(`UPDATE orders SET ask_until = 0`)
	if err := order.MarkRestored(f.t.Context(), f.db, f.now()); err != nil {
		f.t.Fatal(err)
	}
}

// A backup was restored that was older than a payment. Its callback had been taken and was not sent again, its attempt was not
// in the database, and so its order was cancelled: nobody asked for the money any more. Now each provider is asked for the
// attempts that may have been.
func TestForgottenPaymentOfARestoredOrderIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		knowsClosed bool
		lose        func(f *fixture, o event.Order) (paid *fakeProvider, id string)
	}{
		"its first": {false, func(f *fixture, o event.Order) (*fakeProvider, string) { return f.provider, f.start(o).ID }},
		"with another provider": {false, func(f *fixture, o event.Order) (*fakeProvider, string) {
			opened, err := f.payments.Start(t.Context(), o, "other", "")
			if err != nil {
				t.Fatal(err)
			}
			return f.other, opened.ID
		}},
		"its second, with the first": {false, (*fixture).replaceAttempt},
		"its second":                 {true, (*fixture).replaceAttempt},
		// An attempt that its provider had closed was begun anew twice. Only two were looked for.
		"its third, with the others": {false, func(f *fixture, o event.Order) (*fakeProvider, string) {
			return f.replaceAttempts(o, 2)
		}},
		"its eighth, with the others": {false, func(f *fixture, o event.Order) (*fakeProvider, string) {
			return f.replaceAttempts(o, 7)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.provider.nameless, f.other.nameless = true, true
			o, unpaid := f.create(6*time.Minute), f.create(6*time.Minute)
			open := f.start(unpaid)
			provider, id := c.lose(f, o)
			provider.payAttempt(id)
			f.restore(c.knowsClosed)
			f.advance(time.Hour)
			f.due(o)
			f.wantOrder(o.ID, order.Paid, "")
			f.due(unpaid)
			f.wantOrder(unpaid.ID, order.Cancelled, order.CancelUnpaid)
			if state := f.provider.attempts[open.ID].State; state != Closed {
				t.Errorf("the attempt of a cancelled order, which nobody knows any more, is %s", state)
			}
		})
	}
}

// replaceAttempt starts a payment, has its provider close it, and starts another one.
func (f *fixture) replaceAttempt(o event.Order) (*fakeProvider, string) {
	return f.replaceAttempts(o, 1)
}

// replaceAttempts does so with one payment after the other, this often.
func (f *fixture) replaceAttempts(o event.Order, times int) (*fakeProvider, string) {
	f.t.Helper()
	for range times {
		if err := f.payments.closeAttempt(f.t.Context(), "fake", f.start(o).ID, Closed); err != nil {
			f.t.Fatal(err)
		}
	}
	return f.provider, f.start(o).ID
}

// An order whose buyer had nearly as many attempts as can be was looked for under numbers that none can have.
func TestForgottenAttemptsEndWhereAttemptsDo(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Hour)
	f.restore(false)
	known := make([]attemptRow, attemptsMax-3)
	for n := range known {
		known[n] = attemptRow{ID: attemptID(o.ID, "fake", n), OrderID: o.ID, Provider: "fake", State: Closed}
	}
	found, err := f.payments.forgotten(t.Context(), []string{o.ID}, known)
	if err != nil {
		t.Fatal(err)
	}
	mine := 0
	for _, row := range found {
		if !isAttemptID(row.ID, o.ID, row.Provider) {
			t.Errorf("%s looks for %s, which no attempt can be", row.Provider, row.ID)
		}
		if row.Provider == "fake" {
			mine++
		}
	}
	if mine != 3 || len(found) != 3+forgottenMax {
		t.Errorf("%d are looked for with the provider, and %d in all, want 3 and %d", mine, len(found), 3+forgottenMax)
	}
}

// A provider that is away when a restored order is due delays its cancellation for a bounded time.
func TestRestoredOrderWaitsForItsProvider(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Minute)
	f.restore(false)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = errAway })
	f.advance(time.Minute)
	f.due(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.advance(10 * time.Minute)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
}

// Of an order that was not restored all attempts are known, and nobody is asked for others.
func TestOrderThatWasNotRestoredIsAskedForByItsAttempts(t *testing.T) {
	f := newFixture(t)
	f.create(time.Minute)
	f.restore(false)
	o := f.create(time.Minute)
	f.start(o)
	f.advance(time.Hour)
	f.due(o)
	if mine, others := f.provider.count("close"), f.other.count("close"); mine != 1 || others != 0 {
		t.Errorf("asked %d times, and another provider %d times, want once", mine, others)
	}
}

// The callback of an attempt that a restored database does not know comes, or comes again: the money pays its order, or goes
// back, by itself, wherever its order is.
func TestCallbackOfAForgottenAttemptIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		then  func(f *fixture, o event.Order)
		state order.State // of the order; empty when there is none
		back  int64
	}{
		"its order is pending": {func(f *fixture, o event.Order) { f.tellPaid(o) }, order.Paid, 0},
		"its order is cancelled": {func(f *fixture, o event.Order) {
			f.advance(time.Hour)
			f.due(o)
			f.tellPaid(o)
		}, order.Cancelled, 9800},
		"its order comes back": {func(f *fixture, o event.Order) {
			f.exec(`DELETE FROM orders`)
			f.tellPaid(o)
			f.again(o)
		}, order.Paid, 0},
		"its order comes back too late": {func(f *fixture, o event.Order) {
			f.exec(`DELETE FROM orders`)
			f.advance(time.Hour)
			f.again(o)
			f.due(o)
			f.tellPaid(o)
		}, order.Cancelled, 9800},
		"its order never comes": {func(f *fixture, o event.Order) {
			f.exec(`DELETE FROM orders`)
			f.tellPaid(o)
			f.advance(defaultParkedLimit + time.Second)
		}, "", 9800},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.provider.nameless = true
			o := f.create(time.Hour)
			f.provider.payAttempt(f.start(o).ID)
			f.exec(`DELETE FROM payment_attempts`)
			f.exec(`UPDATE orders SET ask_until = 0`)
			c.then(f, o)
			f.work()
			if rows, err := f.orders.Find(t.Context(), o.ID); err != nil || rows[o.ID].State != c.state {
				t.Errorf("the order is %+v, %v, want %s", rows[o.ID], err, c.state)
			}
			if f.provider.sentBack != c.back {
				t.Errorf("%d went back, want %d", f.provider.sentBack, c.back)
			}
			f.wantBalanced()
		})
	}
}

// tellPaid lets the provider's callback say that the first attempt of an order is paid.
func (f *fixture) tellPaid(o event.Order) {
	f.t.Helper()
	paid := f.provider.attempts[attemptID(o.ID, "fake", 0)].Payments
	if _, err := f.callback("open sesame", Report{ID: "evt", Payments: paid}); err != nil {
		f.t.Fatal(err)
	}
}

// again has stock publish a reservation that is held.
func (f *fixture) again(o event.Order) {
	f.t.Helper()
	if err := f.orders.Create(f.t.Context(), event.Reserved{Orders: []event.Order{o}}); err != nil {
		f.t.Fatal(err)
	}
}
