package stripe

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"boxoffice/common/event"
)

var (
	errCurrency = errors.New("not a currency that can be paid with Stripe")
	errAmount   = errors.New("not an amount that can be paid with Stripe")
)

// scale is how Stripe counts a currency: an amount in minor units of ISO 4217 must be a multiple of step, and is, times
// times and divided by per, Stripe's amount.
type scale struct{ times, per, step int64 }

// scaleOf returns the scale of a currency. The library knows the codes of currencies and nothing of their decimals, so
// the exceptions of https://docs.stripe.com/currencies are written down here. All other currencies are counted alike:
// in hundredths, or in whole units those to which ISO 4217 gives no decimals.
func scaleOf(currency string) (scale, error) {
	if !event.IsCurrency(currency) {
		return scale{}, fmt.Errorf("%w: %.8q", errCurrency, currency)
	}
	switch currency {
	case "ISK", "UGX": // without decimals, which Stripe still wants to have written
		return scale{times: 100, per: 1, step: 1}, nil
	case "MGA": // with two decimals in ISO 4217, where 100 is one ariary, and with none at Stripe
		return scale{times: 1, per: 100, step: 100}, nil
	case "BHD", "JOD", "KWD", "OMR", "TND": // with three decimals, of which the last must be 0
		return scale{times: 1, per: 1, step: 10}, nil
	case "CLF", "IQD", "LYD", "UYI", "UYW": // of other decimals in ISO 4217, and Stripe does not say how it counts them
		return scale{}, fmt.Errorf("%w: %s", errCurrency, currency)
	default:
		return scale{times: 1, per: 1, step: 1}, nil
	}
}

// toStripe writes money as Stripe does.
func toStripe(m event.Money) (amount int64, currency string, err error) {
	s, err := scaleOf(m.Currency)
	switch {
	case err != nil:
		return 0, "", err
	case m.Amount%s.step != 0:
		return 0, "", fmt.Errorf("%w: of %s, %d minor units are not a multiple of %d, as prices and parts must be with Stripe",
			errAmount, m.Currency, m.Amount, s.step)
	case m.Amount < 1, m.Amount > math.MaxInt64/s.times:
		return 0, "", fmt.Errorf("%w: %d minor units of %s", errAmount, m.Amount, m.Currency)
	}
	return m.Amount * s.times / s.per, strings.ToLower(m.Currency), nil
}

// fromStripe reads money that Stripe has written.
func fromStripe(amount int64, currency string) (event.Money, error) {
	code := strings.ToUpper(currency)
	s, err := scaleOf(code)
	switch {
	case err != nil:
		return event.Money{}, err
	case amount < 1, amount%s.times != 0, amount > math.MaxInt64/s.per:
		return event.Money{}, fmt.Errorf("%w: %d of Stripe's units of %s", errAmount, amount, code)
	}
	return event.Money{Amount: amount * s.per / s.times, Currency: code}, nil
}
