package payment

import (
	"testing"
	"time"

	"boxoffice/common/event"
	"boxoffice/order"
)

// cancelled makes an order that was cancelled as unpaid while its payer was at the provider's page.
func (f *fixture) cancelled() (event.Order, Opened) {
	f.t.Helper()
	o := f.create(time.Hour)
	opened := f.start(o)
	f.provider.set(func(p *fakeProvider) { p.busy = true })
	f.advance(time.Hour)
	f.due(o)
	f.advance(defaultAskGrace)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	return o, opened
}

// workFor works for a time on the clock, with a pause between two looks.
func (f *fixture) workFor(d, pause time.Duration) {
	f.t.Helper()
	for end := f.now().Add(d); f.now().Before(end); {
		f.advance(pause)
		f.work()
	}
}

func (f *fixture) wantAttempt(orderID string, want AttemptState) {
	f.t.Helper()
	rows, err := f.payments.attemptsOf(f.t.Context(), orderID)
	if err != nil || len(rows) != 1 || rows[0].State != want {
		f.t.Errorf("attempts are %+v, %v, want one that is %s", rows, err, want)
	}
}

// Three days after its order had ended, a payment was given up although its provider still called it open: the payer's bank
// paid on the fourth day, the callback was lost, and the money was in no ledger. A provider that is away for a moment says
// nothing about the payment either.
func TestPaymentThatItsProviderCallsOpenIsNotGivenUp(t *testing.T) {
	f := newFixture(t)
	o, opened := f.cancelled()
	f.workFor(giveUpAfter+time.Hour, time.Hour)
	before := f.provider.count("close")
	f.workFor(10*time.Hour, 10*time.Minute)
	if n := f.provider.count("close") - before; n < 8 || n > 12 {
		t.Errorf("after days it was asked for %d times in 10 hours, want one question an hour", n)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = errAway })
	f.workFor(3*time.Hour, time.Hour)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = nil })
	f.wantAttempt(o.ID, Open)
	f.provider.payAttempt(opened.ID)
	f.workFor(2*time.Hour, time.Hour)
	f.wantAttempt(o.ID, Paid)
	f.wantRefund(refundDone)
	f.wantBalanced()
}

// What a provider cannot answer for days is given up, and not before.
func TestPaymentWithoutAnAnswerIsGivenUp(t *testing.T) {
	f := newFixture(t)
	o, _ := f.cancelled()
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = errAway })
	f.workFor(giveUpAfter-time.Hour, time.Hour)
	f.wantAttempt(o.ID, Open)
	f.workFor(3*time.Hour, time.Hour)
	f.wantAttempt(o.ID, Closed)
	asked := f.provider.count("close")
	f.workFor(3*time.Hour, time.Hour)
	if n := f.provider.count("close"); n != asked {
		t.Errorf("it was given up, and asked for %d times more", n-asked)
	}
}

// The attempts of an order that had gone into the archive were asked for without an end, and never closed at their provider.
func TestAttemptOfAnArchivedOrderIsClosed(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	f.exec(`DELETE FROM orders`)
	f.advance(firstAskPause)
	f.work()
	f.wantAttempt(o.ID, Closed)
	if state := f.provider.attempts[opened.ID].State; state != Closed {
		t.Errorf("at its provider it is %s", state)
	}
}

// The provider was taken out of the configuration while a bank was still busy with a payment: it was given up at once, as if
// nobody had known of it for days.
func TestOpenPaymentOfAProviderThatIsGoneIsGivenUpDaysLater(t *testing.T) {
	f := newFixture(t)
	o, _ := f.cancelled()
	f.workFor(giveUpAfter+time.Hour, time.Hour)
	opts := f.payments.Options
	opts.Providers = []Provider{f.other}
	without := New(f.db, opts)
	t.Cleanup(without.Close)
	for _, want := range []AttemptState{Open, Closed} {
		if _, err := without.leaveGone(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.wantAttempt(o.ID, want)
		f.advance(giveUpAfter + time.Hour)
	}
}
