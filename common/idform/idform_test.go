package idform

import (
	"strings"
	"testing"
)

// Stock took any UTF-8 as the id of a buyer or a screening, and the API and the tokens did not: what a program sold to such a
// buyer, the buyer could never ask for.
func TestFormOfIDs(t *testing.T) {
	const is, user, visible, printable = 1, 2, 4, 8
	for id, want := range map[string]int{
		"":                         0,
		"aZ09-_":                   is | user | visible | printable,
		"a.b":                      user | visible | printable,
		"!~":                       user | visible | printable,
		"a b":                      user | printable,
		" a":                       printable,
		"a ":                       printable,
		"a\x7f":                    0,
		"a\nb":                     0,
		"a\x00":                    0,
		"\u00e9":                   0,
		"\xff":                     0,
		"a\u0085":                  0,
		strings.Repeat("x", 64):    is | user | visible | printable,
		strings.Repeat("x", 65):    user | visible | printable,
		strings.Repeat("x", 128):   user | visible | printable,
		strings.Repeat("x", 129):   visible | printable,
		strings.Repeat("x", 255):   visible | printable,
		strings.Repeat("x", 256):   0,
		"01J0000000000000000000AZ": is | user | visible | printable,
	} {
		got := 0
		for bit, holds := range map[int]bool{
			is: IsID(id), user: IsUserID(id), visible: IsVisibleASCII(id, 255), printable: IsPrintableASCII(id, 255),
		} {
			if holds {
				got |= bit
			}
		}
		if got != want {
			t.Errorf("%q is %b, want %b", id, got, want)
		}
	}
}
