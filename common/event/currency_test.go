package event_test

import (
	"testing"

	"boxoffice/common/event"
)

func TestCurrenciesHaveTheDigitsOfISO4217(t *testing.T) {
	for code, want := range map[string]int{"CNY": 2, "HUF": 2, "IDR": 2, "MGA": 2, "MUR": 2, "TWD": 2, "JPY": 0, "ISK": 0, "KWD": 3, "CLF": 4} {
		if digits, known := event.MinorDigits(code); digits != want || !known {
			t.Errorf("%s has %d digits (known: %t), want %d", code, digits, known, want)
		}
	}
	for _, code := range []string{"ZZZ", "cny", "", "CNYX"} {
		if digits, known := event.MinorDigits(code); digits != 2 || known {
			t.Errorf("%q has %d digits (known: %t)", code, digits, known)
		}
	}
	for code := range event.CurrencyDigits() {
		if !event.IsCurrency(code) {
			t.Errorf("%q is no code", code)
		}
	}
}
