package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// cookies is how a browser keeps a sign-in for the office: by cookies that no script reads, and that no other site's form
// sends.
type cookies struct {
	secure        bool
	session, flow string // their names
	origins       *http.CrossOriginProtection
}

// newCookies makes the cookies of a shop at this URL, which is empty for one that is reached at its listener alone. Over
// https a browser takes them from this very host alone, and sends them to no other ("__Host-", RFC 6265bis).
func newCookies(publicURL string) (*cookies, error) {
	k := &cookies{secure: strings.HasPrefix(publicURL, "https:"), origins: http.NewCrossOriginProtection()}
	prefix := ""
	if k.secure {
		prefix = "__Host-"
	}
	k.session, k.flow = prefix+"boxoffice_session", prefix+"boxoffice_sign_in"
	if publicURL == "" {
		return k, nil
	}
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, fmt.Errorf("read public URL: %w", err)
	}
	return k, k.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host)
}

// get returns what the browser has kept, or "".
func (k *cookies) get(c echo.Context, name string) string {
	cookie, err := c.Request().Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// isOwnSite tells whether a request changes nothing, or one of the shop's own pages has made the browser send it: a browser
// adds its cookies whoever asks for it. One that does not say who has asked is not believed.
func (k *cookies) isOwnSite(c echo.Context) bool {
	r := c.Request()
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	said := r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get(echo.HeaderOrigin) != ""
	return said && k.origins.Check(r) == nil
}

// set keeps a value in the browser for some seconds; none or fewer remove it.
func (k *cookies) set(c echo.Context, name, value string, seconds int) {
	if seconds <= 0 {
		seconds = -1
	}
	http.SetCookie(c.Response(), &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: k.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
