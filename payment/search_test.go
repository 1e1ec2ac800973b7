package payment

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/order"
)

// A buyer had paid when the office lost its database, and a backup was restored that was older than the payment. Whatever ended the
// order before its deadline, such as a payment with another provider, ended the search for the first one: it went back only if its
// callback happened to come again. Now it is looked for until each provider has said how it stands.
func TestForgottenPaymentOfAnEndedOrderGoesBack(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(f *fixture, o event.Order)
		state order.State
	}{
		"paid with another provider": {func(f *fixture, o event.Order) {
			opened, err := f.payments.Start(t.Context(), o, "other", "")
			if err != nil {
				t.Fatal(err)
			}
			f.other.payAttempt(opened.ID)
			f.advance(time.Minute)
			f.work()
		}, order.Paid},
		"cancelled by its buyer": {func(f *fixture, o event.Order) {
			f.cancelByBuyer(o)
		}, order.Cancelled},
		"cancelled while its provider was away": {func(f *fixture, o event.Order) {
			f.provider.set(func(p *fakeProvider) { p.fail["close"] = errAway })
			f.advance(2 * time.Hour)
			f.due(o)
			f.work()
			f.provider.set(func(p *fakeProvider) { p.fail["close"] = nil })
		}, order.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.provider.nameless, f.other.nameless = true, true
			o, unpaid := f.create(time.Hour), f.create(time.Hour)
			f.provider.payAttempt(f.start(o).ID)
			open := f.start(unpaid).ID
			f.restore(false)
			f.cancelByBuyer(unpaid)
			c.end(f, o)
			f.workFor(time.Hour, 10*time.Minute)
			if rows, err := f.orders.Find(t.Context(), o.ID); err != nil || rows[o.ID].State != c.state {
				t.Errorf("the order is %+v, %v, want %s", rows[o.ID], err, c.state)
			}
			if f.provider.sentBack != 9800 || f.other.sentBack != 0 {
				t.Errorf("%d went back, and %d of the other provider, want 9800 and 0", f.provider.sentBack, f.other.sentBack)
			}
			if state := f.provider.attempts[open].State; state != Closed {
				t.Errorf("the payment of an order that was cancelled is %s, and can be paid", state)
			}
		})
	}
}

func (f *fixture) cancelByBuyer(o event.Order) {
	f.t.Helper()
	if _, err := f.orders.Cancel(f.t.Context(), o, true); err != nil {
		f.t.Fatal(err)
	}
}

// A payer who is just paying when the search begins is not passed over.
func TestForgottenPaymentThatIsBeingPaidIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Hour)
	opened := f.start(o)
	f.restore(false)
	f.provider.set(func(p *fakeProvider) { p.busy = true })
	f.cancelByBuyer(o)
	f.work()
	f.provider.payAttempt(opened.ID)
	f.workFor(time.Hour, 10*time.Minute)
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// The payment that moved its order's deadline was made after the backup. At the deadline that the backup has, Alipay knew nothing
// of it, since its payer had not scanned the code, which lived for minutes yet; nobody asked again, and the money stayed there.
func TestForgottenPaymentOutlivesTheDeadlineOfTheBackup(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Minute)
	opened := f.start(o)
	f.restore(false)
	f.exec(`UPDATE orders SET expires_at = ?`, o.ExpiresAt)
	var scanned *fakeAttempt
	f.provider.set(func(p *fakeProvider) {
		scanned, p.unheard = p.attempts[opened.ID], f.now
		delete(p.attempts, opened.ID)
	})
	f.cancelByBuyer(o)
	f.searchFor(3 * time.Minute)
	f.provider.set(func(p *fakeProvider) { p.attempts[opened.ID] = scanned })
	f.provider.payAttempt(opened.ID)
	f.workFor(24*time.Hour, 10*time.Minute)
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// An order of which every provider has told all is asked for no more, also by whoever cancels it as unpaid.
func TestSearchForForgottenPaymentsEndsWithTheLastAnswer(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	unpaid, cancelled := f.create(time.Minute), f.create(time.Hour)
	f.restore(false)
	f.cancelByBuyer(cancelled)
	f.advance(2 * time.Minute)
	f.due(unpaid)
	f.wantOrder(unpaid.ID, order.Cancelled, order.CancelUnpaid)
	f.searchFor(24 * time.Hour)
	if mine, others := f.provider.count("close"), f.other.count("close"); mine != 2*forgottenMax || others != 2*forgottenMax {
		t.Errorf("asked %d and %d times, want %d each: once for each payment that may have been", mine, others, 2*forgottenMax)
	}
}

// Stripe cannot say of a payment that it never was. The search has an end all the same, is not a question a second until then, and
// does not count as an outage.
func TestSearchForForgottenPaymentsHasAnEnd(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Minute)
	f.restore(false)
	f.cancelByBuyer(o)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = ErrNothingFound })
	before := f.searchFor(71 * time.Hour)
	if before < 8 || before > 20 {
		t.Errorf("asked %d times in three days, want growing pauses", before)
	}
	if n := f.searchFor(2 * time.Hour); n != 1 {
		t.Errorf("asked %d times at the end, want a last look", n)
	}
	if n := f.searchFor(48 * time.Hour); n != 0 {
		t.Errorf("asked %d times after the end", n)
	}
	for range 2 {
		if f.payments.outages["fake"].Observe(errAway) {
			t.Error("a provider that has found nothing counts as away")
		}
	}
}

// Two processes that look for the same payments ask for each once.
func TestSearchForForgottenPaymentsIsShared(t *testing.T) {
	f := newFixture(t)
	f.provider.nameless, f.other.nameless = true, true
	o := f.create(time.Minute)
	f.restore(false)
	f.cancelByBuyer(o)
	second := f.newService()
	defer second.Close()
	rows, err := f.payments.dueSearches(t.Context())
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if _, err := f.payments.claimSearch(t.Context(), rows[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := second.claimSearch(t.Context(), rows[0]); !errors.Is(err, db.ErrConflict) {
		t.Errorf("a second process has read the same, and got %v, want that it is another one's", err)
	}
	if n, err := second.searchRestored(t.Context()); n != 0 || err != nil {
		t.Errorf("a second process looks for %d orders, %v, that one has", n, err)
	}
	f.advance(claimLease) // the first one has died
	if n, err := second.searchRestored(t.Context()); n != 1 || err != nil {
		t.Errorf("a second process looks for %d orders, %v, of one that has died, want 1", n, err)
	}
}

// searchFor looks for forgotten payments for a time on the clock, and returns for how many orders.
func (f *fixture) searchFor(d time.Duration) (orders int) {
	f.t.Helper()
	for end := f.now().Add(d); f.now().Before(end); {
		f.advance(time.Minute)
		n, err := f.payments.searchRestored(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		orders += n
	}
	return orders
}
