package payment

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"boxoffice/common/idform"
)

const (
	actionMax = 8000 // bytes of an action as JSON, which is what the table takes

	// QRMax is how many bytes of a QR code are drawn. The largest code has room for some more.
	QRMax = 2048
)

// encode returns the action as the table has it. It fails with an error that says what a payer could not do with it: a
// provider's answer is not to be believed, and what it names is opened by a browser.
func (a Action) encode() (string, error) {
	if invalid := a.invalid(); invalid != "" {
		return "", fmt.Errorf("its action %s", invalid)
	}
	encoded, err := json.Marshal(a)
	switch {
	case err != nil:
		return "", fmt.Errorf("encode its action: %w", err)
	case len(encoded) > actionMax:
		return "", fmt.Errorf("its action has %d bytes, more than %d", len(encoded), actionMax)
	}
	return string(encoded), nil
}

// invalid says what is wrong with an action, or "".
func (a Action) invalid() string {
	switch a.Kind {
	case ShowQR:
		if a.QR == "" || len(a.QR) > QRMax || !utf8.ValidString(a.QR) {
			return fmt.Sprintf("has no QR code of 1 to %d bytes of UTF-8", QRMax)
		}
		if isOpenedByBrowsers(a.QR) {
			return "has a QR code that a browser opens by itself, such as a script"
		}
	case Redirect, PostForm:
		if _, ok := idform.WebURL(a.URL, actionMax); !ok {
			return "has no absolute http or https URL"
		}
	default:
		return fmt.Sprintf("is of an unknown kind, %.32q", a.Kind)
	}
	return ""
}

// isOpenedByBrowsers tells whether a code is an address that a browser runs or shows by itself, where a payment's is for an
// application or a server. A page may make a link of a code, for the phone that has the application. It is read as browsers read
// an address: without what is blank in front, or breaks lines anywhere.
func isOpenedByBrowsers(code string) bool {
	code = strings.TrimLeftFunc(code, func(r rune) bool { return r <= ' ' })
	scheme, _, isAddress := strings.Cut(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(code), ":")
	switch strings.ToLower(scheme) {
	case "javascript", "data", "vbscript", "blob", "filesystem", "file", "about", "view-source":
		return isAddress
	}
	return false
}
