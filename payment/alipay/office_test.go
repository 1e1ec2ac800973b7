package alipay_test

import (
	"strings"
	"testing"

	"boxoffice/payment"
	"boxoffice/payment/alipay"
)

// marked is what a trade of an office has for passback_params.
func marked(office string) string {
	return strings.ReplaceAll(payment.MarkOrder(orderID, office), " ", "%20")
}

// Two offices had one account with Alipay, and one of them got what the other one's buyers had paid: nothing said whose it was. It
// does so by whoever hands it back, decoded once or not at all; what was started before has no mark, and may be anybody's.
func TestMoneyNamesItsOffice(t *testing.T) {
	p := newProvider(t, newFake(t))
	for name, c := range map[string]struct {
		passback string
		foreign  bool
	}{
		"ours": {marked(office), false}, "ours, decoded": {payment.MarkOrder(orderID, office), false}, "without a mark": {orderID, false},
		"theirs": {marked("capitol"), true}, "theirs, decoded": {payment.MarkOrder(orderID, "capitol"), true},
		"theirs, as a form": {strings.ReplaceAll(marked("capitol"), "%20", "+"), true},
	} {
		report, err := verify(t, p, signed(theirs(), with("passback_params", c.passback)))
		if err != nil || len(report.Payments) != 1 || report.Payments[0].OrderID != orderID || report.Payments[0].Foreign != c.foreign {
			t.Errorf("%s: report %+v, %v", name, report, err)
		}
	}
	for name, foreign := range map[string]bool{office: false, "capitol": true} {
		f := newFake(t)
		started, err := newProvider(t, f, func(o *alipay.Options) { o.Office = name }).Start(t.Context(), newAttempt())
		if err != nil {
			t.Fatal(err)
		}
		f.open(started.Action.URL).pay()
		status, err := newProvider(t, f).Query(t.Context(), newAttempt())
		if err != nil || len(status.Payments) != 1 || status.Payments[0].OrderID != orderID || status.Payments[0].Foreign != foreign {
			t.Errorf("asked for what %s has started: %+v, %v", name, status, err)
		}
	}
}

// Another application may be of another seller, whose trades are unknown to this one: they are not to be asked for.
func TestAccountIsTheApplication(t *testing.T) {
	f := newFake(t)
	other := newProvider(t, f, func(o *alipay.Options) { o.AppID = "2021000000000001" })
	if mine := newProvider(t, f, withQR).Account(); mine != appID || other.Account() != "2021000000000001" {
		t.Errorf("accounts are %s and %s", mine, other.Account())
	}
}
