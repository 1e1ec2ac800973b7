package idform

import (
	"net/url"
	"strings"
)

// HasHost tells whether an address names a host. A port alone, or a name with half a bracket, is none: no browser opens it.
func HasHost(u *url.URL) bool {
	return u.Hostname() != "" && !strings.ContainsAny(u.Hostname(), "[]")
}
