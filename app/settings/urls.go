package settings

import (
	"net"
	"net/url"
	"strings"
)

// isBaseURL tells whether a setting is empty, or a URL to which paths can be added.
func isBaseURL(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(text, "/")
}

// isSafeURL tells whether nobody stands between this machine and a URL unseen.
func isSafeURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && isLoopback(text))
}

// isLoopback tells whether a URL is of this machine.
func isLoopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	return isLocalHost(u.Hostname())
}

// isLocalHost tells whether a host is this machine.
func isLocalHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
