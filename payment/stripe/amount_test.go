package stripe_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"boxoffice/common/event"
	"boxoffice/payment"
)

// The office asks here, and nowhere else, which parts can go back.
func TestStepsOfRefunds(t *testing.T) {
	p, _ := newProvider(t)
	for currency, want := range map[string]int64{"EUR": 1, "JPY": 1, "ISK": 1, "KWD": 10, "TND": 10, "MGA": 100, "IQD": 1, "": 1} {
		if step := p.RefundStep(currency); step != want {
			t.Errorf("parts of %q are multiples of %d, want %d", currency, step, want)
		}
	}
}

// An amount is sent as Stripe counts it, and comes back as ours.
func TestAmounts(t *testing.T) {
	for _, test := range []struct {
		currency     string
		ours, stripe int64
	}{
		{"CNY", 9800, 9800}, {"USD", 1, 1}, {"EUR", 99999999, 99999999}, {"HUF", 1045, 1045}, {"TWD", 80045, 80045},
		{"JPY", 500, 500}, {"BIF", 500, 500}, {"CLP", 500, 500}, {"DJF", 500, 500}, {"GNF", 500, 500}, {"KMF", 500, 500}, {"KRW", 500, 500},
		{"PYG", 500, 500}, {"RWF", 500, 500}, {"VND", 50000, 50000}, {"VUV", 500, 500}, {"XAF", 500, 500}, {"XOF", 500, 500}, {"XPF", 500, 500},
		{"ISK", 5, 500}, {"UGX", 5, 500},
		{"MGA", 500, 5}, {"MGA", 100, 1},
		{"BHD", 5120, 5120}, {"JOD", 10, 10}, {"KWD", 5120, 5120}, {"OMR", 5120, 5120}, {"TND", 5120, 5120},
	} {
		p, f := newProvider(t)
		a, s := startPaid(t, p, f, test.ours, test.currency)
		if s.amount != test.stripe {
			t.Errorf("%d of %s is %d at Stripe, want %d", test.ours, test.currency, s.amount, test.stripe)
		}
		status, err := p.Query(t.Context(), a)
		if err != nil || len(status.Payments) != 1 || status.Payments[0].Amount != a.Amount {
			t.Errorf("%d of %s came back as %+v, %v", test.ours, test.currency, status, err)
		}
		if _, err := p.Refund(t.Context(), newRefund(s, "rf_1", test.ours, test.ours, test.currency)); err != nil {
			t.Errorf("refund %d of %s: %v", test.ours, test.currency, err)
		} else if f.refunds[0].amount != test.stripe {
			t.Errorf("the refund of %d of %s is %d at Stripe", test.ours, test.currency, f.refunds[0].amount)
		}
	}
}

// Stripe charged 100.00 of what the page showed as 10,000 forints: the page counted by the tables of its browser. Whatever the
// currency, a thousand of it in minor units of ISO 4217, by which the office counts, is a thousand of it at Stripe, which
// names those that it counts in whole units.
func TestAThousandIsAThousandAtStripe(t *testing.T) {
	whole := strings.Fields("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF") // docs.stripe.com/currencies
	thousandths := strings.Fields("BHD JOD KWD OMR TND")
	unclear := strings.Fields("CLF IQD LYD UYI UYW")
	for currency, digits := range event.CurrencyDigits() {
		if slices.Contains(unclear, currency) {
			continue
		}
		want := int64(1000_00)
		switch {
		case slices.Contains(whole, currency):
			want = 1000
		case slices.Contains(thousandths, currency):
			want = 1000_000
		}
		p, f := newProvider(t)
		if _, s := startPaid(t, p, f, 1000*int64(math.Pow10(digits)), currency); s.amount != want {
			t.Errorf("a thousand %s is %d at Stripe, want %d", currency, s.amount, want)
		}
	}
}

// What cannot be written for Stripe is refused before it is sent: rounded, it would be another price.
func TestAmountsThatAreRefused(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 9800, "CNY")
	before := len(f.calls)
	for _, m := range []event.Money{
		{Amount: 0, Currency: "CNY"}, {Amount: -1, Currency: "CNY"}, {Amount: 5124, Currency: "KWD"}, {Amount: 5, Currency: "TND"},
		{Amount: 150, Currency: "MGA"}, {Amount: 50, Currency: "MGA"}, {Amount: math.MaxInt64, Currency: "ISK"}, {Amount: 5, Currency: ""},
		{Amount: 5, Currency: "cny"}, {Amount: 5, Currency: "CNYX"}, {Amount: 1000, Currency: "IQD"}, {Amount: 1000, Currency: "LYD"},
		{Amount: 1000, Currency: "CLF"}, {Amount: 1000, Currency: "UYI"}, {Amount: 1000, Currency: "UYW"},
	} {
		_, err := p.Start(t.Context(), newAttempt(m.Amount, m.Currency))
		wantError(t, err, true)
		_, err = p.Refund(t.Context(), newRefund(s, "rf_1", m.Amount, 9800, m.Currency))
		wantError(t, err, true)
	}
	_, err := p.Refund(t.Context(), payment.Refund{
		Key: "rf_1", PaymentID: s.intent.id, Amount: event.Money{Amount: 500, Currency: "JPY"}, Total: event.Money{Amount: 9800, Currency: "CNY"},
	})
	wantError(t, err, true)
	if len(f.calls) != before {
		t.Errorf("%d calls were made", len(f.calls)-before)
	}
}

// An office sold tickets for 5.124 dinars, which Stripe cannot take, and all that anybody read was that Stripe refuses: the
// sentence says what the price may be.
func TestAmountBetweenTwoOfStripesIsExplained(t *testing.T) {
	p, f := newProvider(t)
	_, s := startPaid(t, p, f, 10, "KWD")
	for _, test := range []struct {
		amount int64
		want   string
	}{{5124, "KWD, 5124 minor units are not a multiple of 10"}, {150, "MGA, 150 minor units are not a multiple of 100"}} {
		currency := test.want[:3]
		_, startErr := p.Start(t.Context(), newAttempt(test.amount, currency))
		_, refundErr := p.Refund(t.Context(), newRefund(s, "rf_1", test.amount, 9800, currency))
		for _, err := range []error{startErr, refundErr} {
			if wantError(t, err, true); !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say that of %s", err, test.want)
			}
		}
	}
}

// Stripe's own limit is its to tell.
func TestAmountThatStripeRefuses(t *testing.T) {
	p, _ := newProvider(t)
	_, err := p.Start(t.Context(), newAttempt(100000000, "CNY"))
	wantError(t, err, true)
}
