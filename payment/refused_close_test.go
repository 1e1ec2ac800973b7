package payment

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"boxoffice/common/outage"
	"boxoffice/order"
)

// A payer paid in the last seconds, and the callback was lost. The gateway refused to close what was paid (409, which many answer
// there), in place of saying how it stands, and nobody asked it: the order was cancelled, and the money was in no ledger, since
// each further look closed it again, for thirty days.
func TestPaymentThatCannotBeClosedIsAskedFor(t *testing.T) {
	for name, comes := range map[string]func(f *fixture, paid string){
		"in time": func(f *fixture, paid string) { f.provider.payAttempt(paid) },
		"late": func(f *fixture, paid string) {
			f.provider.set(func(p *fakeProvider) { p.fail["query"] = errAway })
			f.advance(defaultAskGrace)
			f.provider.payAttempt(paid)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o := f.create(time.Hour)
			opened := f.start(o)
			f.advance(time.Hour)
			f.provider.set(func(p *fakeProvider) { p.fail["close"] = ErrRefused })
			comes(f, opened.ID)
			f.due(o)
			want, reason := order.Paid, order.CancelReason("")
			if name == "late" {
				f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
				want, reason = order.Cancelled, order.CancelUnpaid
				f.provider.set(func(p *fakeProvider) { p.fail["query"] = nil })
			}
			f.advance(lastAskPause)
			f.work()
			f.wantOrder(o.ID, want, reason)
			f.wantAttempt(o.ID, Paid)
			f.wantBalanced()
		})
	}
}

// What a provider refuses to close because it is closed already is closed, and its order waits for nothing.
func TestRefusedCloseOfAClosedPaymentIsOver(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	f.advance(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.fail["close"], p.attempts[opened.ID].State = ErrRefused, Closed })
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	f.wantAttempt(o.ID, Closed)
}

// What a provider refuses to close, and calls open when it is asked, may still be paid: it is asked for again. Such a provider
// counted as one that says nothing: after thirty days it was no longer asked, whatever it said, and until then the doctor named it.
// An outage of the question was in no log.
func TestRefusedCloseOfAnOpenPaymentEndsNothing(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.start(o)
	f.advance(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = ErrRefused })
	f.due(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.wantAttempt(o.ID, Open)
	var log bytes.Buffer
	f.payments.outages["fake"] = outage.New(slog.New(slog.NewTextHandler(&log, nil)), "payment provider fake", 1)
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = errAway })
	f.advance(defaultAskGrace)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	if !strings.Contains(log.String(), "outage begins") {
		t.Errorf("of the outage it logs %q", &log)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["query"] = nil })
	for range 3 {
		f.advance(giveUpAfter)
		f.work()
	}
	f.wantAttempt(o.ID, Open)
	f.wantUnanswered()
}
