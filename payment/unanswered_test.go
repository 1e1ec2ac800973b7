package payment

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func (f *fixture) wantUnanswered(want ...Unanswered) {
	f.t.Helper()
	found, err := f.payments.Unanswered(f.t.Context())
	if err != nil || !slices.Equal(found, want) {
		f.t.Errorf("unanswered are %v, %v, want %v", found, err, want)
	}
}

// A provider refused to say how payments stood, since the office's key had lost a permission. Each question was logged, and after
// three days all of them were given up with a line in the log, before anybody had mended the key. The doctor names them after two
// hours, and they are asked for long enough that a person can act.
func TestPaymentsThatAProviderRefusesToTellOfAreNamed(t *testing.T) {
	f := newFixture(t)
	o, opened := f.cancelled()
	f.provider.set(func(p *fakeProvider) { p.busy, p.fail["close"], p.fail["query"] = false, ErrRefused, ErrRefused })
	f.workFor(time.Hour, 5*time.Minute)
	f.wantUnanswered()
	f.workFor(2*time.Hour, 5*time.Minute)
	f.wantUnanswered(Unanswered{"fake", 1, ""})
	f.workFor(giveUpAfter+2*time.Hour, time.Hour)
	f.wantUnanswered(Unanswered{"fake", 1, ""})
	f.wantAttempt(o.ID, Open)
	f.provider.payAttempt(opened.ID)
	f.provider.set(func(p *fakeProvider) { p.fail["close"], p.fail["query"] = nil, nil })
	f.workFor(2*time.Hour, time.Hour)
	f.wantUnanswered()
	f.wantAttempt(o.ID, Paid)
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// What is refused for a month is given up.
func TestPaymentsThatAProviderRefusesToTellOfEnd(t *testing.T) {
	f := newFixture(t)
	o, _ := f.cancelled()
	f.provider.set(func(p *fakeProvider) { p.busy, p.fail["close"], p.fail["query"] = false, ErrRefused, ErrRefused })
	f.advance(giveUpRefusedAfter - 2*time.Hour)
	f.work()
	f.wantAttempt(o.ID, Open)
	f.advance(4 * time.Hour)
	f.work()
	f.wantAttempt(o.ID, Closed)
	f.wantUnanswered()
}

// What its provider calls open is known to be open, also after days: a bank may be busy with it.
func TestPaymentsThatAProviderCallsOpenAreNotNamed(t *testing.T) {
	f := newFixture(t)
	o, _ := f.cancelled()
	f.workFor(giveUpAfter+5*time.Hour, time.Hour)
	f.wantAttempt(o.ID, Open)
	f.wantUnanswered()
}

// A callback of a shared account names an attempt that a restored database has lost, and its provider refuses to confirm it, since
// the office's key has lost a permission. It was answered, with a line in the log, and the money was in no ledger. It is to come
// again: its provider sends it for a day, in which the key can be mended.
func TestCallbackThatItsProviderRefusesToConfirmComesAgain(t *testing.T) {
	f := newFixture(t)
	f.provider.shared, f.provider.nameless = true, true
	o := f.create(time.Hour)
	f.provider.payAttempt(f.start(o).ID)
	f.restore(false)
	report := Report{ID: "evt", Payments: f.provider.attempts[attemptID(o.ID, "fake", 0)].Payments}
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = ErrRefused })
	if taken, err := f.callback("open sesame", report); !errors.Is(err, ErrProviderAway) {
		t.Errorf("taken %+v, %v, want that it is to come again", taken, err)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = nil })
	if _, err := f.callback("open sesame", report); err != nil {
		t.Error(err)
	}
	f.wantOrder(o.ID, "PAID", "")
	f.wantBalanced()
}
