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
	secure  bool
	origins *http.CrossOriginProtection

	session, flow, idToken cookie
}

// cookie is one of them: its name, and the path below which a browser sends it.
type cookie struct{ name, path string }

// signOutPath is where a browser signs out.
const signOutPath = "/sign-out"

// cookieBytesMax is the longest value of a cookie, with which every browser keeps it.
const cookieBytesMax = 3800

// newCookies makes the cookies of a shop at this URL, which is empty for one that is reached at its listener alone. Over
// https a browser takes them from this very host alone, and sends them to no other ("__Host-", RFC 6265bis). The ID token,
// which is long, is sent only to sign out.
func newCookies(publicURL string) (*cookies, error) {
	k := &cookies{secure: strings.HasPrefix(publicURL, "https:"), origins: http.NewCrossOriginProtection()}
	host, secure := "", ""
	if k.secure {
		host, secure = "__Host-", "__Secure-"
	}
	k.session, k.flow = cookie{host + "boxoffice_session", "/"}, cookie{host + "boxoffice_sign_in", "/"}
	k.idToken = cookie{secure + "boxoffice_id_token", signOutPath}
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
func (k *cookies) get(c echo.Context, of cookie) string {
	kept, err := c.Request().Cookie(of.name)
	if err != nil {
		return ""
	}
	return kept.Value
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

// set keeps a value in the browser for some seconds; none or fewer remove it, and so does a value that is too long.
func (k *cookies) set(c echo.Context, of cookie, value string, seconds int) {
	if seconds <= 0 || len(value) > cookieBytesMax {
		value, seconds = "", -1
	}
	http.SetCookie(c.Response(), &http.Cookie{
		Name: of.name, Value: value, Path: of.path, MaxAge: seconds, Secure: k.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
