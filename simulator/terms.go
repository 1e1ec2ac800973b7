package simulator

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"boxoffice/common/idform"
	"boxoffice/common/strictjson"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/payment/webhook"
)

// payPrefix is the path of the payer's pages, before the id of an attempt. A form leads there by way of checkoutPath, which takes
// the id as a field.
const (
	payPrefix     = "/pay/"
	checkoutPath  = "/checkout"
	checkoutField = "attempt_id"
)

const (
	keyMax         = 64  // of what names an attempt or a refund
	descriptionMax = 500 // bytes
	reasonMax      = 255
	urlMax         = 2048
	amountMax      = payment.AmountMax // minor units
)

// errInvalid says that a value of a call cannot be taken.
var errInvalid = errors.New("invalid")

// terms are what an attempt was started with.
type terms struct {
	webhook.StartBody
	expires time.Time
	name    string // by which the dice know the attempt
}

// readTerms checks what an attempt is started with. The addresses are checked too: the payer's browser is sent to one
// and signed callbacks to the other.
func readTerms(b webhook.StartBody, allowedCallback func(url string) bool) (terms, error) {
	expires, err := strictjson.ParseTime(b.ExpiresAt)
	switch {
	case !isName(b.AttemptID):
		return terms{}, fmt.Errorf("%w: attempt_id must have 1 to %d of A-Z a-z 0-9 _ -", errInvalid, keyMax)
	case !idform.IsVisibleASCII(b.OrderID, order.IDMax):
		return terms{}, fmt.Errorf("%w: order_id must have 1 to %d visible ASCII characters", errInvalid, order.IDMax)
	case b.Amount < 1 || b.Amount > amountMax:
		return terms{}, fmt.Errorf("%w: amount must be 1 to %d minor units", errInvalid, int64(amountMax))
	case !idform.IsVisibleASCII(b.Currency, order.CurrencyMax):
		return terms{}, fmt.Errorf("%w: currency must have 1 to %d visible ASCII characters", errInvalid, order.CurrencyMax)
	case len(b.Description) > descriptionMax || !utf8.ValidString(b.Description):
		return terms{}, fmt.Errorf("%w: description must have at most %d bytes of UTF-8", errInvalid, descriptionMax)
	case b.ReturnURL != "" && !isWebURL(b.ReturnURL):
		return terms{}, fmt.Errorf("%w: return_url must be an absolute http or https URL", errInvalid)
	case !isWebURL(b.CallbackURL):
		return terms{}, fmt.Errorf("%w: callback_url must be an absolute http or https URL", errInvalid)
	case !allowedCallback(b.CallbackURL):
		return terms{}, fmt.Errorf("%w: callback_url is not an address that this simulator may call", errInvalid)
	case err != nil:
		return terms{}, fmt.Errorf("%w: expires_at must be RFC 3339", errInvalid)
	}
	return terms{StartBody: b, expires: expires}, nil
}

// checkRefund checks what a refund is asked for with.
func checkRefund(b webhook.RefundBody) error {
	switch {
	case !isName(b.Key):
		return fmt.Errorf("%w: key must have 1 to %d of A-Z a-z 0-9 _ -", errInvalid, keyMax)
	case !idform.IsVisibleASCII(b.PaymentID, order.IDMax):
		return fmt.Errorf("%w: payment_id must have 1 to %d visible ASCII characters", errInvalid, order.IDMax)
	case b.Amount < 1 || b.Amount > amountMax:
		return fmt.Errorf("%w: amount must be 1 to %d minor units", errInvalid, int64(amountMax))
	case len(b.Reason) > reasonMax:
		return fmt.Errorf("%w: reason must have at most %d bytes", errInvalid, reasonMax)
	}
	return nil
}

// isName tells whether s has 1 to keyMax letters, digits, _ and -, so that it can stand in a path.
func isName(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	return s != "" && len(s) <= keyMax && strings.Trim(s, allowed) == ""
}

// isWebURL tells whether text is an absolute http or https URL of a host, without a password.
func isWebURL(text string) bool {
	if !idform.IsVisibleASCII(text, urlMax) || strings.Contains(text, `\`) {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// isLoopbackURL tells whether a URL names this machine.
func isLoopbackURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && address.Unmap().IsLoopback()
}
