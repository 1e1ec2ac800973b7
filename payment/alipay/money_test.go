package alipay

import (
	"errors"
	"testing"

	"boxoffice/common/event"
	"boxoffice/payment"
)

// Yuan are written exactly: a float has no 0.29, and a rounded fen is somebody's money.
func TestYuanAreExact(t *testing.T) {
	for fen, want := range map[int64]string{
		1: "0.01", 29: "0.29", 100: "1.00", 9800: "98.00", 123456789: "1234567.89", 10_000_000_000: "100000000.00",
	} {
		text, err := formatYuan(event.Money{Amount: fen, Currency: "CNY"})
		if err != nil || text != want {
			t.Errorf("%d fen are %q, %v; want %q", fen, text, err, want)
		}
		if back, err := parseYuan(text); err != nil || back != fen {
			t.Errorf("%q is read as %d, %v", text, back, err)
		}
	}
}

// Other currencies have other minor units: 500 yen as "5.00" would be a hundredth, 1000 fils as "10.00" ten times too
// much.
func TestOtherCurrenciesAndAmountsAreRefused(t *testing.T) {
	for _, m := range []event.Money{
		{Amount: 500, Currency: "JPY"}, {Amount: 1000, Currency: "KWD"}, {Amount: 100, Currency: "cny"}, {Amount: 100},
		{Amount: 0, Currency: "CNY"}, {Amount: -1, Currency: "CNY"}, {Amount: 10_000_000_001, Currency: "CNY"},
	} {
		if text, err := formatYuan(m); !errors.Is(err, payment.ErrRefused) {
			t.Errorf("%+v is %q, %v", m, text, err)
		}
	}
}

// What is not plainly an amount is not read as one.
func TestAmountsThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", ".", ".5", "5.", "-1.00", "+1.00", "1e2", "1.000", "1,00", " 1.00", "1.00 ", "0x10", "1_0", "1.0.0", "NaN", "1.-1",
		"1234567890123.00", "\u0661.00",
	} {
		if fen, err := parseYuan(text); err == nil {
			t.Errorf("%q is read as %d fen", text, fen)
		}
	}
	for text, want := range map[string]int64{"98": 9800, "98.5": 9850, "0.00": 0, "007.10": 710, "999999999999.99": 99999999999999} {
		if fen, err := parseYuan(text); err != nil || fen != want {
			t.Errorf("%q is read as %d, %v; want %d", text, fen, err, want)
		}
	}
}
