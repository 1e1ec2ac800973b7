package api

import (
	"net/http"
	"testing"

	"boxoffice/identity/identitytest"
)

func TestAuthorizationHeaderForms(t *testing.T) {
	f := newFixture(t)
	good := tokenFor(t, "alice", roleBuyer)
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"lower case scheme": {[]string{"bearer " + good}, 200},
		"no scheme":         {[]string{good}, 401},
		"basic":             {[]string{"Basic " + good}, 401},
		"two headers":       {[]string{"Bearer " + good, "Bearer " + good}, 401},
		"empty":             {[]string{""}, 401},
	} {
		w := f.send(t, ask{method: "GET", path: "/v1/orders", header: http.Header{"Authorization": c.values}})
		if w.Code != c.status {
			t.Errorf("%s was answered %d, want %d", name, w.Code, c.status)
		}
	}
	if w := f.send(t, ask{method: "GET", path: "/v1/orders?token=" + good}); w.Code != 401 {
		t.Errorf("a token in the address was answered %d", w.Code)
	}
}

// A browser that has signed in adds its cookies to whatever another site makes it send. What changes something is taken only
// from the shop's own pages.
func TestCookieOfAnotherSitesForm(t *testing.T) {
	f := newSignInFixture(t, func(o *Options) { o.PublicURL = "https://shop.example" })
	session := f.signIn(t, identitytest.Person{Subject: "alice"})
	for name, c := range map[string]struct {
		header http.Header
		may    bool
	}{
		"same origin":                 {http.Header{"Sec-Fetch-Site": {"same-origin"}}, true},
		"typed by the person":         {http.Header{"Sec-Fetch-Site": {"none"}}, true},
		"another site":                {http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		"another host of the domain":  {http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		"old browser, this host":      {http.Header{"Origin": {"http://example.com"}}, true},
		"old browser, public URL":     {http.Header{"Origin": {"https://shop.example"}}, true},
		"old browser, another":        {http.Header{"Origin": {"https://evil.example"}}, false},
		"old browser, nothing":        {http.Header{}, false},
		"sandboxed frame":             {http.Header{"Origin": {"null"}}, false},
		"public URL of another site?": {http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, false},
	} {
		a := buy(t)
		a.token = ""
		a.header = c.header
		a.header.Set("Idempotency-Key", "key-1")
		a.header.Set("Cookie", "__Host-boxoffice_session="+session)
		w := f.send(t, a)
		if w.Code != map[bool]int{true: http.StatusAccepted, false: http.StatusForbidden}[c.may] {
			t.Errorf("%s: answered %d %s", name, w.Code, w.Body)
		}
		list := f.send(t, ask{method: "GET", path: "/v1/orders", header: c.header})
		if list.Code != http.StatusOK {
			t.Errorf("%s: reading is answered %d", name, list.Code)
		}
	}
}

// The token that a program sends says who calls, whatever a browser keeps besides.
func TestTokenGoesBeforeCookie(t *testing.T) {
	f := newSignInFixture(t)
	cookie := "boxoffice_session=" + f.signIn(t, identitytest.Person{Subject: "bob"})
	me := ask{method: "GET", path: "/v1/me", token: tokenFor(t, "alice", roleBuyer), header: http.Header{"Cookie": {cookie}}}
	if w := f.send(t, me); field(t, w, "subject") != "alice" || field(t, w, "by") != "token" {
		t.Errorf("answered %s", w.Body)
	}
	me.token = "not.a.token"
	wantProblem(t, f.send(t, me), http.StatusUnauthorized, "unauthorized")
}
