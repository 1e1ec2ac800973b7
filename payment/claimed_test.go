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

// The account confirmed what another office of the same program had asked for, since ids of attempts have one form: it was parked,
// and sent back a day later. A provider that is given the office's name says whose money it is, when it calls or when it is asked;
// but what was asked for here is ours also under another name, such as before the office had got its new address.
func TestMoneyThatAnotherOfficeAskedForIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct{ called, asked, known bool }{
		"named in the callback": {called: true}, "named in the answer": {asked: true}, "named, and known": {called: true, known: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.provider.shared, f.provider.nameless = true, true
			o := f.create(time.Hour)
			id := attemptID(o.ID, "fake", 0)
			if c.known {
				f.start(o)
			} else {
				f.provider.attempts[id] = &fakeAttempt{Attempt: Attempt{ID: id, OrderID: o.ID, Amount: o.Amount}, Status: Status{State: Open}}
			}
			f.provider.payAttempt(id)
			called := f.provider.attempts[id].Payments[0]
			called.Foreign = c.called
			f.provider.attempts[id].Payments[0].Foreign = c.asked
			taken, err := f.callback("open sesame", Report{ID: "evt", Payments: []Payment{called}})
			if err != nil || (len(taken.Payments) == 1) != c.known {
				t.Errorf("taken %+v, %v", taken, err)
			}
			if n := f.provider.count("query"); n > 0 != c.asked {
				t.Errorf("asked %d times", n)
			}
		})
	}
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
