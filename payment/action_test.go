package payment

import (
	"errors"
	"strings"
	"testing"
	"time"

	"boxoffice/order"
)

// What a provider answered was believed: a form without an address led browsers nowhere, and an action that was longer than
// the table takes failed with status 500 at each start, and stayed open at the provider.
func TestActionThatNoPayerCanUseIsClosedAgain(t *testing.T) {
	long := strings.Repeat("x", actionMax)
	for name, action := range map[string]Action{
		"nothing":        {},
		"another kind":   {Kind: "script", URL: "https://pay.example/"},
		"a script":       {Kind: Redirect, URL: "javascript:alert(1)"},
		"no host":        {Kind: Redirect, URL: "https:///pay"},
		"a port alone":   {Kind: Redirect, URL: "https://:443/pay"},
		"half a bracket": {Kind: PostForm, URL: "https://pay.example]/pay"},
		"relative":       {Kind: PostForm, URL: "/pay"},
		"a password":     {Kind: Redirect, URL: "https://me:secret@pay.example/"},
		"with a line":    {Kind: Redirect, URL: "https://pay.example/\n"},
		"form nowhere":   {Kind: PostForm, Fields: map[string]string{"a": "b"}},
		"no code":        {Kind: ShowQR, URL: "https://pay.example/"},
		"code too large": {Kind: ShowQR, QR: long[:QRMax+1]},
		"code not UTF-8": {Kind: ShowQR, QR: "\xff"},
		"code is script": {Kind: ShowQR, QR: "javascript:alert(1)"},
		"written oddly":  {Kind: ShowQR, QR: "\x01 Java\tScript\n:alert(1)"},
		"code is a page": {Kind: ShowQR, QR: "data:text/html,<script>alert(1)</script>"},
		"URL too long":   {Kind: Redirect, URL: "https://pay.example/" + long},
		"form too long":  {Kind: PostForm, URL: "https://pay.example/", Fields: map[string]string{"a": long[:actionMax/2], "b": long[:actionMax/2]}},
		"grows as JSON":  {Kind: Redirect, URL: "https://pay.example/?" + strings.Repeat("&", actionMax/6)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o := f.create(time.Hour)
			f.provider.set(func(p *fakeProvider) { p.action = &action })
			if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrRefused) || errors.Is(err, ErrProviderAway) {
				t.Errorf("%v, want that the provider's answer is refused", err)
			}
			f.wantAllClosed()
			f.provider.set(func(p *fakeProvider) { p.action, p.fail["close"] = nil, errAway })
			f.start(o) // the provider is mended
		})
	}
}

// wantAllClosed checks that all attempts are closed, here and at the provider.
func (f *fixture) wantAllClosed() {
	f.t.Helper()
	for id, a := range f.provider.attempts {
		rows, err := f.payments.attemptsOf(f.t.Context(), a.OrderID)
		if err != nil || a.State != Closed || len(rows) != 1 || rows[0].ID != id || rows[0].State != Closed {
			f.t.Errorf("the provider has %+v, and here are %+v, %v", a, rows, err)
		}
	}
}

// What payment applications read is taken as it is, also where it has a colon.
func TestCodesOfPaymentApplicationsAreTaken(t *testing.T) {
	for _, code := range []string{
		"weixin://wxpay/bizpayurl?pr=Abc", "wxp://f2f0", "https://qr.alipay.com/bax0", "alipays://platformapi/startapp?saId=1", "upi://pay?pa=a@b",
		"bitcoin:1A1z?amount=1", "00020101021138570011", "data of a till", "javascript", "BCD\n002\n1\nSCT\n\nRex", "pay:data:1",
	} {
		if invalid := (Action{Kind: ShowQR, QR: code}).invalid(); invalid != "" {
			t.Errorf("%q: it %s", code, invalid)
		}
	}
}

// The longest actions that are taken are stored by every database.
func TestLongestAction(t *testing.T) {
	for name, action := range map[string]Action{
		"code": {Kind: ShowQR, QR: strings.Repeat("\u00e9", QRMax/2)},
		"URL":  {Kind: Redirect, URL: "https://pay.example/" + strings.Repeat("x", actionMax-54)},
	} {
		f := newFixture(t)
		f.provider.set(func(p *fakeProvider) { p.action = &action })
		if opened := f.start(f.create(time.Hour)); opened.Action.URL != action.URL || opened.Action.QR != action.QR {
			t.Errorf("%s: opened %+v", name, opened)
		}
	}
}

// A useless attempt that cannot be closed either is neither shown nor forgotten.
func TestUselessAttemptIsClosedLater(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	f.provider.set(func(p *fakeProvider) { p.action, p.fail["close"] = &Action{}, errAway })
	if _, err := f.payments.Start(t.Context(), o, "fake", ""); !errors.Is(err, ErrProviderAway) {
		t.Errorf("%v, want that the provider is away", err)
	}
	f.provider.set(func(p *fakeProvider) { p.fail["close"] = nil })
	f.advance(lastAskPause)
	f.work()
	f.wantAllClosed()
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.Cancelled, order.CancelUnpaid)
}

// A provider said "paid" and named no payment: the attempt was over, and the order was cancelled although it may be paid.
func TestPaidWithoutAPaymentIsNoAnswer(t *testing.T) {
	f := newFixture(t)
	o := f.create(time.Hour)
	opened := f.start(o)
	f.provider.set(func(p *fakeProvider) { p.attempts[opened.ID].State = Paid })
	f.advance(time.Hour)
	f.due(o)
	f.wantOrder(o.ID, order.PendingPayment, "")
	f.provider.payAttempt(opened.ID) // what it has meant
	f.due(o)
	f.wantOrder(o.ID, order.Paid, "")
	f.wantBalanced()
}
