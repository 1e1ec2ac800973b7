package identity

import (
	"errors"
	"strings"
	"time"
)

// ErrInvalid says that a token or a session is not valid, or not valid any more. Why is not said: it would help only a forger.
var ErrInvalid = errors.New("the token is not valid")

// Roles is what a caller may do: a set of roles. None includes another on purpose: who runs screenings does not buy, unless
// the token says both.
type Roles uint8

// The roles.
const (
	Buyer Roles = 1 << iota // buys, and sees what is his
	Staff                   // works at the door
	Admin                   // runs the office: screenings and money
)

// roleNames are the names of the roles in tokens and answers, in the order of their bits.
func roleNames() [3]string { return [...]string{"buyer", "staff", "admin"} }

// ParseRole returns the role of a name.
func ParseRole(name string) (Roles, bool) {
	for i, known := range roleNames() {
		if known == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// HasAny tells whether the set has one of these roles.
func (r Roles) HasAny(roles Roles) bool { return r&roles != 0 }

// Names lists the roles of the set.
func (r Roles) Names() []string {
	names := []string{}
	for i, name := range roleNames() {
		if r.HasAny(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// String names the roles for people: "staff or admin".
func (r Roles) String() string { return strings.Join(r.Names(), " or ") }

// parseRoles is the set of those names that are roles.
func parseRoles(names []string) (set Roles) {
	for _, name := range names {
		role, _ := ParseRole(name)
		set |= role
	}
	return set
}

// Caller is who calls, as a token or a session says.
type Caller struct {
	Subject   string // the buyer's or operator's id, in whatever the office stores
	Name      string // for people: a name, else the address of mail, else the subject
	Email     string // that its identity provider has verified; empty: none is known
	Roles     Roles
	ExpiresAt time.Time
}
