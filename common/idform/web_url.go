package idform

import (
	"net/url"
	"strings"
)

// WebURL reads the address of a page: an absolute URL of http or https that names a host and no user, in at most most visible ASCII
// characters. Only such a one is given to browsers, wherever it comes from. A port alone, or a name with half a bracket, is no
// host: no browser opens it.
func WebURL(text string, most int) (u *url.URL, ok bool) {
	if !IsVisibleASCII(text, most) {
		return nil, false
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, false
	}
	return u, u.Hostname() != "" && !strings.ContainsAny(u.Hostname(), "[]")
}
