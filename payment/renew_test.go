package payment

import (
	"errors"
	"testing"
	"time"

	"boxoffice/order"
)

// A buyer began to pay at minute 2 of 15 and again at minute 12. The order was extended to minute 17, and the answer said so;
// but the provider still had the attempt of minute 2, whose code was dead at minute 15.
func TestMovedDeadlineReachesTheProvider(t *testing.T) {
	f := newFixture(t)
	o := f.create(15 * time.Minute)
	f.advance(2 * time.Minute)
	first := f.start(o)
	f.advance(10 * time.Minute)
	second := f.start(o)
	want := f.now().Add(defaultLease)
	if at := f.provider.attempts[second.ID].ExpiresAt; !second.ExpiresAt.Equal(want) || !at.Equal(want) {
		t.Errorf("the buyer is told %s and the provider %s, want %s", second.ExpiresAt, at, want)
	}
	if state := f.provider.attempts[first.ID].State; state != Closed {
		t.Errorf("the first attempt is %s beside the second", state)
	}
	if again := f.start(o); again.ID != second.ID || !again.ExpiresAt.Equal(want) {
		t.Errorf("the same again is %+v, want %+v", again, second)
	}
	f.provider.payAttempt(second.ID)
	f.advance(defaultLease)
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
	f.wantBalanced()
}

// The deadline moves for one provider, and the attempt with another one ends before.
func TestMovedDeadlineReachesTheOtherProvider(t *testing.T) {
	f := newFixture(t)
	o := f.create(6 * time.Minute)
	left := f.start(o)
	f.advance(5 * time.Minute)
	if _, err := f.payments.Start(t.Context(), o, "other", "https://shop.example/"); err != nil {
		t.Fatal(err)
	}
	if again := f.start(o); again.ID == left.ID || !again.ExpiresAt.Equal(f.now().Add(defaultLease)) {
		t.Errorf("the attempt that ends before the order is opened again: %+v", again)
	}
}

// An attempt is replaced only if no money came for it, and none is just coming.
func TestAttemptThatIsBeingPaidIsNotReplaced(t *testing.T) {
	f := newFixture(t)
	paid, busy := f.create(6*time.Minute), f.create(6*time.Minute)
	f.provider.payAttempt(f.start(paid).ID)
	first := f.start(busy)
	f.advance(5 * time.Minute)
	if _, err := f.payments.Start(t.Context(), paid, "fake", ""); !errors.Is(err, order.ErrAlreadyPaid) {
		t.Errorf("%v, want that it is paid", err)
	}
	f.wantOrder(paid.ID, order.Paid, "")
	f.provider.set(func(p *fakeProvider) { p.busy = true })
	if again := f.start(busy); again.ID != first.ID || !again.ExpiresAt.Equal(first.ExpiresAt) {
		t.Errorf("opened %+v, want the attempt that is being paid, %+v", again, first)
	}
	f.provider.set(func(p *fakeProvider) { p.busy, p.fail["close"] = false, errAway })
	if _, err := f.payments.Start(t.Context(), busy, "fake", ""); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider is away", err)
	}
	f.wantBalanced()
}

// A provider cannot close what its payer has not opened yet. The attempt stays, since the payer may have its page in another tab,
// and gets the time of its order; should its provider be away, it keeps its own.
func TestAttemptWhosePayerHasNotComeIsExtended(t *testing.T) {
	f := newFixture(t)
	f.provider.set(func(p *fakeProvider) { p.unopened = true })
	o := f.create(6 * time.Minute)
	first := f.start(o)
	f.advance(2 * time.Minute)
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = errAway })
	if again := f.start(o); again.ID != first.ID || !again.ExpiresAt.Equal(first.ExpiresAt) {
		t.Errorf("without its provider: %+v, want as before %+v", again, first)
	}
	f.provider.set(func(p *fakeProvider) {
		p.fail["start"] = nil
		p.action = &Action{Kind: Redirect, URL: "https://pay.example/longer"}
	})
	again := f.start(o)
	want := first.ExpiresAt.Add(time.Minute)
	if at := f.provider.attempts[first.ID].ExpiresAt; again.ID != first.ID || !again.ExpiresAt.Equal(want) || !at.Equal(want) {
		t.Errorf("the buyer is told %+v and the provider %s, want %s", again, at, want)
	}
	f.provider.set(func(p *fakeProvider) { p.action = nil })
	if third := f.start(o); third.Action.URL != "https://pay.example/longer" || !third.ExpiresAt.Equal(want) || len(f.provider.attempts) != 1 {
		t.Errorf("the same again is %+v, want %+v", third, again)
	}
	f.provider.payAttempt(first.ID)
	f.advance(defaultLease)
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
}

// An order could be paid for a day, and the code to scan was dead after two hours: whoever came back then was shown the dead code.
func TestActionThatIsDeadIsRenewed(t *testing.T) {
	f := newFixture(t)
	f.provider.set(func(p *fakeProvider) {
		p.lives = 2 * time.Hour
		p.action = &Action{Kind: ShowQR, QR: "first"}
	})
	o := f.create(24 * time.Hour)
	first := f.start(o)
	f.provider.set(func(p *fakeProvider) { p.action = &Action{Kind: ShowQR, QR: "second"} })
	f.advance(2*time.Hour - time.Millisecond)
	if again := f.start(o); again.Action.QR != "first" || f.provider.count("start") != 1 {
		t.Errorf("while the code lives: %+v after %d starts", again, f.provider.count("start"))
	}
	f.advance(time.Millisecond)
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = errAway })
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider is away", err)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["start"] = nil })
	for range 2 {
		again := f.start(o)
		if again.ID != first.ID || again.Action.QR != "second" || !again.ExpiresAt.Equal(first.ExpiresAt) {
			t.Errorf("afterwards: %+v, want the same payment with another code", again)
		}
	}
	if n := f.provider.count("start"); n != 3 {
		t.Errorf("started %d times, want once for each code, and once in vain", n)
	}
	f.provider.payAttempt(first.ID)
	f.advance(lastAskPause)
	f.work()
	f.wantOrder(o.ID, order.Paid, "")
}
