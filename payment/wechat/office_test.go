package wechat_test

import (
	"testing"

	"boxoffice/payment"
	"boxoffice/payment/wechat"
)

// newProviderOf is the provider of another office on the same account.
func newProviderOf(t *testing.T, f *fakePay, office string) *wechat.Provider {
	t.Helper()
	options := newOptions(t, f)
	options.Office = office
	p, err := wechat.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Two offices had one account with WeChat Pay, and one of them got what the other one's buyers had paid: nothing said whose it was.
// What was started before has no mark, and may be anybody's.
func TestMoneyNamesItsOffice(t *testing.T) {
	for attach, foreign := range map[string]bool{
		testOrderID: false, payment.MarkOrder(testOrderID, testOffice): false, payment.MarkOrder(testOrderID, "capitol"): true,
	} {
		f := newFake(t)
		header, body := f.notification(testNow(), "TRANSACTION.SUCCESS", with(paidNotice(), "attach", attach))
		report, err := newProvider(t, f).Verify(t.Context(), header, body)
		if err != nil || len(report.Payments) != 1 || report.Payments[0].OrderID != testOrderID || report.Payments[0].Foreign != foreign {
			t.Errorf("%q: report %+v, %v", attach, report, err)
		}
	}
	for office, foreign := range map[string]bool{testOffice: false, "capitol": true} {
		f, a := newFake(t), newAttempt()
		if _, err := newProviderOf(t, f, office).Start(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		f.pay(a.ID)
		status, err := newProvider(t, f).Query(t.Context(), a)
		if err != nil || len(status.Payments) != 1 || status.Payments[0].OrderID != testOrderID || status.Payments[0].Foreign != foreign {
			t.Errorf("asked for what %s has started: %+v, %v", office, status, err)
		}
	}
}

// An office was upgraded while payments were open that it had started without a mark. When a code of these was dead WeChat Pay gave
// no other one: to it the order was one of other values.
func TestOrderWithoutAMarkHasACodeAgain(t *testing.T) {
	p, f, a := newStarted(t)
	f.orders[a.ID].made["attach"] = a.OrderID
	for range 2 {
		if again, err := p.Start(t.Context(), a); err != nil || again.Action.QR == "" || len(f.orders) != 1 {
			t.Errorf("again: %+v, %v; %d orders", again, err, len(f.orders))
		}
	}
	f.pay(a.ID)
	if status, err := p.Query(t.Context(), a); err != nil || len(status.Payments) != 1 || status.Payments[0].OrderID != a.OrderID {
		t.Errorf("%+v, %v", status, err)
	}
}

// WeChat Pay tells of an order to its merchant alone, and the office takes what is of its application alone: attempts of others are
// not to be asked for.
func TestAccountIsTheMerchantAndItsApplication(t *testing.T) {
	f := newFake(t)
	for name, change := range map[string]func(*wechat.Options){
		"1900000001/" + testAppID:        func(o *wechat.Options) { o.MerchantID = "1900000001" },
		testMerchantID + "/wxother":      func(o *wechat.Options) { o.AppID = "wxother" },
		testMerchantID + "/" + testAppID: func(o *wechat.Options) { o.Office = "capitol" },
	} {
		options := newOptions(t, f)
		change(&options)
		p, err := wechat.New(options)
		if err != nil || p.Account() != name {
			t.Errorf("account is %v, %v, want %s", p.Account(), err, name)
		}
	}
}
