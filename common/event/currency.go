package event

import "strings"

// IsCurrency tells whether a code has the form of ISO 4217: three capital letters.
func IsCurrency(code string) bool {
	const length = 3
	return len(code) == length && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// IsKnownCurrency tells whether a code is a currency of ISO 4217.
func IsKnownCurrency(code string) bool {
	_, known := MinorDigits(code)
	return known
}

// CurrencyDigits are the currencies of ISO 4217, each with the digits of its minor unit: 2 of a yuan, 0 of a yen, 3 of a
// dinar. Payment providers count by these. The tables of Unicode, which browsers and golang.org/x/text have, count some
// currencies as shops do in cash, a forint without its hundredths, and differ from one version to the next: by them a price
// is shown a hundred times as high as it is charged.
func CurrencyDigits() map[string]int {
	digits := map[string]int{}
	for count, codes := range currenciesByDigits() {
		for code := range strings.FieldsSeq(codes) {
			digits[code] = count
		}
	}
	return digits
}

// MinorDigits returns how many digits the minor unit of a currency has, and whether ISO 4217 knows it; 2 of what it does not
// know.
func MinorDigits(currency string) (digits int, known bool) {
	for count, codes := range currenciesByDigits() {
		if IsCurrency(currency) && strings.Contains(codes, currency) {
			return count, true
		}
	}
	const usual = 2
	return usual, false
}

// currenciesByDigits lists the codes, those whose minor unit has so many digits at that place.
func currenciesByDigits() []string {
	return []string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY " +
			"COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR " +
			"IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD " +
			"NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP " +
			"SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
		4: "CLF UYW",
	}
}
