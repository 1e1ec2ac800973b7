package notify

import (
	"fmt"
	"net/mail"
	"strings"

	"boxoffice/common/idform"
)

const (
	localPartMax = 64
	labelMax     = 63
	phoneMin     = 8
)

// at is where a contact is told by a channel; empty: not by this one.
func (c Contact) at(channel Channel) string {
	switch channel {
	case ChannelMail:
		return c.Email
	case ChannelSMS:
		return c.Phone
	}
	return ""
}

// check tells whether a contact can be written to. What it lets through has neither space nor line break, so nothing that a
// buyer types can become a header or another receiver.
func (c Contact) check() error {
	var invalid string
	switch {
	case !idform.IsUserID(c.BuyerID):
		invalid = "buyer"
	case c.Email == "" && c.Phone == "":
		invalid = "neither an email address nor a phone number"
	case c.Email != "" && !isEmail(c.Email):
		invalid = "email is not an address such as name@example.org"
	case c.Phone != "" && !isPhone(c.Phone):
		invalid = "phone is not a number such as +8613800138000"
	case c.Language != English && c.Language != Chinese:
		invalid = "language is neither en nor zh"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", ErrContactInvalid, invalid)
}

// isEmail tells whether a text is one plain address: no name, no quotes, no comment, and a host of the internet.
func isEmail(text string) bool {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Name != "" || parsed.Address != text || len(text) > EmailMax {
		return false
	}
	local, host, found := strings.Cut(text, "@")
	return found && len(local) <= localPartMax && consistsOf(local, "!#$%&'*+-/=?^_`{|}~.") && isHost(host)
}

func isHost(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > labelMax || !consistsOf(label, "-") || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
	}
	return len(labels) > 1
}

// consistsOf tells whether a text has only ASCII letters, digits and these.
func consistsOf(text, others string) bool {
	for _, c := range text {
		isAlphanumeric := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !isAlphanumeric && !strings.ContainsRune(others, c) {
			return false
		}
	}
	return text != ""
}

// isPhone tells whether a text is a number of E.164.
func isPhone(text string) bool {
	digits, international := strings.CutPrefix(text, "+")
	return international && len(text) >= phoneMin && len(text) <= PhoneMax && strings.Trim(digits, "0123456789") == "" && digits[0] != '0'
}
