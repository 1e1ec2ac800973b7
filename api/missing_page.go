package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// unmatched answers a request that no route takes. A person who has mistyped an address gets a page: the right one, where there
// is only a slash too much, or else what the shop shows where nothing is. Programs, and whoever calls the API, get err, a problem.
func (p *pages) unmatched(c echo.Context, err error) error {
	r := c.Request()
	isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
	asksForPage := isRead && !strings.HasPrefix(r.URL.Path, "/v1/") && strings.Contains(r.Header.Get(echo.HeaderAccept), echo.MIMETextHTML)
	if !asksForPage || !errors.Is(err, echo.ErrNotFound) {
		return err
	}
	if path := strings.TrimSuffix(r.URL.Path, "/"); p.addresses[path] { // nothing else is redirected to
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		return c.Redirect(http.StatusPermanentRedirect, path)
	}
	return p.answerShop(c, http.StatusNotFound, func(page *shopPage) { page.Title = page.Text("missing.heading") })
}
