package payment

import (
	"errors"
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// Two offices had one account with a provider that sends the events of an account to all who listen. One of them parked
// what the other's buyers had paid, and sent it back a day later: the money was back, and the tickets were kept.
func TestMoneyOfAnotherOfficeIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	f.provider.shared = true
	theirs := f.reserve(time.Hour)
	theirID := attemptID("an order of theirs", "fake", 0)
	for name, id := range map[string]string{"of another form": theirID, "none": "", "of the same form": attemptID(theirs.ID, "fake", 3)} {
		paid := Payment{ID: "pi_" + id, AttemptID: id, Reference: "ref-" + id, OrderID: theirs.ID, Amount: theirs.Amount}
		taken, err := f.callback("open sesame", Report{ID: "evt", Payments: []Payment{paid}})
		if err != nil || len(taken.Payments) != 0 {
			t.Errorf("%s: taken %+v, %v", name, taken, err)
		}
	}
	f.advance(defaultParkedLimit + time.Second)
	f.work()
	if all := f.refunds(RefundStates()...); len(all) != 0 {
		t.Errorf("sent back what others were paid: %+v", all)
	}
	f.wantBalanced()
}

// A restored database has lost an attempt, and its callback comes: the provider confirms the money, so it is recorded.
// While the provider cannot be asked, the callback is to come again.
func TestMoneyOfALostAttemptIsAskedFor(t *testing.T) {
	f := newFixture(t)
	f.provider.shared = true
	o := f.reserve(time.Hour)
	id := attemptID(o.ID, "fake", 0)
	f.provider.attempts[id] = &fakeAttempt{Attempt: Attempt{ID: id, OrderID: o.ID, Amount: o.Amount}, Status: Status{State: Open}}
	f.provider.payAttempt(id)
	paid := f.provider.attempts[id].Payments[0]
	paid.Reference = "ref-" + id
	report := Report{ID: "evt", Payments: []Payment{paid}}
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = errAway })
	if _, err := f.callback("open sesame", report); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider is away", err)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = nil })
	if taken, err := f.callback("open sesame", report); err != nil || len(taken.Payments) != 1 || taken.Payments[0] != order.Parked {
		t.Errorf("taken %+v, %v, want it parked", taken, err)
	}
	if err := f.orders.Create(t.Context(), event.Reserved{Orders: []event.Order{o}}); err != nil {
		t.Fatal(err)
	}
	f.wantOrder(o.ID, order.Paid, "")
	f.wantBalanced()
}

// What is known needs no question, also where others use the account.
func TestMoneyOfAKnownAttemptIsTaken(t *testing.T) {
	f := newFixture(t)
	f.provider.shared = true
	o := f.create(time.Hour)
	opened := f.start(o)
	f.provider.payAttempt(opened.ID)
	if _, err := f.callback("open sesame", Report{ID: "evt", Payments: f.provider.attempts[opened.ID].Payments}); err != nil {
		t.Fatal(err)
	}
	f.wantOrder(o.ID, order.Paid, "")
	if n := f.provider.count("query"); n != 0 {
		t.Errorf("asked %d times", n)
	}
}
