package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestSpecIsValid(t *testing.T) {
	if err := specDocument(t).Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A route that is not in the document is an interface that nobody knows of; a path without route is a promise.
func TestRoutesAreTheSpec(t *testing.T) {
	f := newSignInFixture(t, withDemo, withTickets(t))
	parameter := regexp.MustCompile(`:(\w+)`)
	var routes, documented []string
	for _, route := range f.handler.(*echo.Echo).Routes() {
		if route.Method == http.MethodHead || strings.HasPrefix(route.Path, "/web/") {
			continue
		}
		routes = append(routes, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
	}
	for path, item := range specDocument(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if !slices.Equal(routes, documented) {
		t.Errorf("routes\n%s\ndocumented\n%s", strings.Join(routes, "\n"), strings.Join(documented, "\n"))
	}
}

func TestSpecListsEveryCode(t *testing.T) {
	var codes, documented []string
	for _, p := range problems() {
		codes = append(codes, p.code)
	}
	for _, value := range specDocument(t).Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		documented = append(documented, value.(string))
	}
	slices.Sort(codes)
	slices.Sort(documented)
	if codes = slices.Compact(codes); !slices.Equal(codes, documented) {
		t.Errorf("codes %v, documented %v", codes, documented)
	}
}

func TestDemoRoutesExistOnlyInDemoMode(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/dev/tokens", "/v1/dev/payments"} {
		w := f.send(t, ask{method: "POST", path: path, body: `{}`, token: tokenFor(t, "alice", roleBuyer)})
		wantProblem(t, w, http.StatusNotFound, "not_found")
	}
}

// The headers are lists that a change must not shorten by accident. A page needs more of them than JSON, which no browser
// shows or runs.
func TestSecurityHeaders(t *testing.T) {
	f := newFixture(t, withTickets(t))
	always := map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
	page := map[string]string{
		"Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action https:; " +
			"frame-ancestors 'none'; object-src 'none'",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	want := func(path string, lists ...map[string]string) {
		t.Helper()
		h := f.send(t, ask{method: "GET", path: path}).Header()
		for _, list := range lists {
			for name, value := range list {
				if got := h.Get(name); got != value {
					t.Errorf("%s: %s is %q, want %q", path, name, got, value)
				}
			}
		}
		if got := h.Get("Server"); got != "" {
			t.Errorf("%s: Server says %q", path, got)
		}
	}
	for _, path := range []string{"/v1/screenings", "/v1/screenings/none", "/v1/orders", "/nowhere"} {
		want(path, always)
	}
	for _, path := range []string{"/", "/problems", "/tickets", "/check-in"} {
		want(path, always, page)
	}
	for _, p := range append(pages(), ticketPages()...) {
		want(p.path, always, page)
	}
}

// What the policy forbids would be found by nobody but a browser.
func TestPagesKeepTheirPolicy(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)<script>|<script [^>]*>[^<]|\son\w+=|style="|https?://|innerHTML|insertAdjacentHTML|document\.write|eval\(`)
	f := newFixture(t, withTickets(t))
	paths := []string{"/", "/problems", "/tickets", "/check-in"}
	for _, p := range append(pages(), ticketPages()...) {
		if p.path != "/openapi.yaml" && !strings.HasPrefix(p.path, "/web/jsqr/") { // whose comments have addresses
			paths = append(paths, p.path)
		}
	}
	for _, path := range paths {
		w := f.send(t, ask{method: "GET", path: path})
		body := strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", "")
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d with %d bytes", path, w.Code, w.Body.Len())
		}
		if found := forbidden.FindString(body); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
}
