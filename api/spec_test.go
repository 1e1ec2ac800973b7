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
	f := newSignInFixture(t, withDemo, withTickets(t), withNotify())
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
