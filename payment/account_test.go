package payment

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"boxoffice/order"
)

// useAccount configures the provider with an account, which knows of its own attempts alone.
func (f *fixture) useAccount(account string, attempts map[string]*fakeAttempt) (before map[string]*fakeAttempt) {
	f.provider.set(func(p *fakeProvider) {
		before = p.attempts
		p.account, p.attempts = account, attempts
	})
	return before
}

// An office was started with the keys of another merchant of WeChat Pay while a payment of the merchant before was open. Its buyer
// had paid, and the callback was lost. The new merchant knew of no such payment: the attempt ended as never paid, and the money was
// found by nobody, also after the merchant before was configured again.
func TestPaymentOfAnotherAccountIsNotEndedByThisOne(t *testing.T) {
	for name, prepare := range map[string]func(f *fixture){
		"open": func(*fixture) {},
		"not started": func(f *fixture) {
			f.exec(`UPDATE payment_attempts SET state = 'starting', reference = '', action = ''`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.provider.nameless = true
			f.useAccount("before", f.provider.attempts)
			o := f.create(time.Hour)
			f.provider.payAttempt(f.start(o).ID)
			prepare(f)
			before := f.useAccount("after", map[string]*fakeAttempt{})
			f.advance(time.Hour)
			f.due(o)
			f.advance(defaultAskGrace)
			f.due(o)
			f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
			f.workFor(giveUpAfter+2*time.Hour, time.Hour)
			if n := f.provider.count("close") + f.provider.count("query"); n != 0 {
				t.Errorf("the account of today was asked %d times for a payment of the one before", n)
			}
			f.wantUnanswered(Unanswered{"fake", 1, "before"})
			f.useAccount("before", before)
			f.workFor(2*time.Hour, time.Hour)
			f.wantUnanswered()
			f.wantAttempt(o.ID, Paid)
			f.wantRefund(refundDone)
			f.wantBalanced()
		})
	}
}

// A buyer whose payment was started with the account before pays with the one of today, whose callbacks this office can read.
func TestBuyerPaysAgainWithTheAccountOfToday(t *testing.T) {
	f := newFixture(t)
	f.useAccount("before", f.provider.attempts)
	o := f.create(time.Hour)
	first := f.start(o)
	f.useAccount("after", map[string]*fakeAttempt{})
	second := f.start(o)
	if again := f.start(o); second.ID == first.ID || again.ID != second.ID {
		t.Fatalf("started %s, then with another account %s and %s, want one new attempt", first.ID, second.ID, again.ID)
	}
	f.provider.payAttempt(second.ID)
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
}

// Attempts of before the accounts were recorded are asked for as ever: they would stay open for a month otherwise.
func TestPaymentWithoutAnAccountIsAskedFor(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.start(o)
	f.useAccount("any", f.provider.attempts)
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
	f.wantAttempt(o.ID, Closed)
}

// The first that an operator hears of another account is at the start.
func TestOtherAccountIsToldAtTheStart(t *testing.T) {
	f := newFixture(t)
	f.useAccount("before", f.provider.attempts)
	f.start(f.create(time.Hour))
	for account, want := range map[string]int{"before": 0, "after": 1} {
		f.useAccount(account, f.provider.attempts)
		var log bytes.Buffer
		s := f.newService()
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		s.warnOfOtherAccounts(t.Context())
		s.Close()
		if got := strings.Count(log.String(), "account=before configured=after"); got != want || want == 0 && log.Len() > 0 {
			t.Errorf("with the account %s the log is %q, want %d lines", account, log.String(), want)
		}
	}
}
