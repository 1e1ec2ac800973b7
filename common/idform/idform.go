// Package idform says what the names of things look like that come from outside or go there: in a path, a message, a column, a
// line of the log. Each column of an id is at least as wide as its bound here.
package idform

import "strings"

// The longest ids, in bytes.
const (
	IDMax     = 64  // of a screening or an order; those that the office makes are shorter
	UserIDMax = 128 // of a buyer, or an operator
)

// IsID tells whether an id has the form of those of screenings and orders. A path needs no escapes for it.
func IsID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return id != "" && len(id) <= IDMax
}

// IsUserID tells whether a buyer, or an operator, can have this id. It has no space at either end: people, and some databases,
// take such an id for the one without it.
func IsUserID(id string) bool { return IsPrintableASCII(id, UserIDMax) && id == strings.Trim(id, " ") }

// IsVisibleASCII tells whether s has 1 to most characters, all of them visible ASCII.
func IsVisibleASCII(s string, most int) bool { return hasOnly(s, most, '!') }

// IsPrintableASCII tells whether s has 1 to most characters, all of them visible ASCII or spaces.
func IsPrintableASCII(s string, most int) bool { return hasOnly(s, most, ' ') }

func hasOnly(s string, most int, first byte) bool {
	for i := range len(s) {
		if s[i] < first || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= most
}
