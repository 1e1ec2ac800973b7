package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boxoffice/identity/identitytest"
)

// newSignOutFixture is a sign-in fixture whose provider lets browsers sign out there.
func newSignOutFixture(t *testing.T) *signInFixture {
	t.Helper()
	f := newSignInFixture(t)
	f.provider.OfferSignOut(f.server.URL + SignOutCallbackPath)
	return f
}

// arrive signs in with a browser, as who stands in the provider's queue or is known there, and returns who that is.
func (f *signInFixture) arrive(t *testing.T, browser *http.Client) string {
	t.Helper()
	if shown := f.open(t, browser, "/sign-in?return=/problems"); shown.status != http.StatusOK || shown.at != f.server.URL+"/problems" {
		t.Fatalf("sign in: %d at %s %s", shown.status, shown.at, shown.body)
	}
	var me struct{ Subject string }
	if err := json.Unmarshal([]byte(f.open(t, browser, "/v1/me").body), &me); err != nil {
		t.Fatal(err)
	}
	return me.Subject
}

// leave signs out, and returns where the browser ends its session at the provider.
func (f *signInFixture) leave(t *testing.T, browser *http.Client, query string) *url.URL {
	t.Helper()
	left := f.signOut(t, browser, query, "same-origin")
	var answered struct {
		ProviderURL string `json:"provider_url"`
	}
	if err := json.Unmarshal([]byte(left.body), &answered); err != nil || left.status != http.StatusOK {
		t.Fatalf("sign out: %d %s", left.status, left.body)
	}
	if shown := f.open(t, browser, "/v1/me"); shown.status != http.StatusUnauthorized {
		t.Errorf("before the browser is at the provider it is signed in here: %d", shown.status)
	}
	address, err := url.Parse(answered.ProviderURL)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// Somebody signed out on a shared computer. The next one who pressed "Sign in" was the same person again, without a password:
// the session at the identity provider had gone on.
func TestSignOutAtTheProvider(t *testing.T) {
	f := newSignOutFixture(t)
	browser := identitytest.NewBrowser(t)
	f.provider.QueueUser(identitytest.Person{Subject: "alice"})
	if who := f.arrive(t, browser); who != "alice" {
		t.Fatalf("%s has signed in", who)
	}
	if shown := f.signOut(t, browser, "", "cross-site"); shown.status != http.StatusForbidden || shown.header.Values("Set-Cookie") != nil {
		t.Errorf("another site's sign-out was answered %d %v", shown.status, shown.header)
	}
	f.leave(t, browser, "") // and does not go on to the provider
	if who := f.arrive(t, browser); who != "alice" {
		t.Fatalf("the provider does not know the browser again: %s", who)
	}
	address := f.leave(t, browser, "?return="+url.QueryEscape("/problems?from=sign-out"))
	query := address.Query()
	if query.Get("realm") != "test" || query.Get("client_id") != f.provider.ClientID || strings.Count(query.Get("id_token_hint"), ".") != 2 ||
		query.Get("post_logout_redirect_uri") != f.server.URL+"/sign-out/callback" {
		t.Errorf("the browser is sent to %s", address)
	}
	if shown := f.open(t, browser, address.String()); shown.status != http.StatusOK || shown.at != f.server.URL+"/problems?from=sign-out" {
		t.Errorf("the browser comes back to %s: %d %s", shown.at, shown.status, shown.body)
	}
	if who := f.arrive(t, browser); who == "alice" {
		t.Error("alice is still signed in at the provider")
	}
	for range 2 {
		f.signOut(t, browser, "", "same-origin")
	}
	if shown := f.signOut(t, browser, "", "same-origin"); shown.status != http.StatusNoContent || shown.body != "" {
		t.Errorf("a sign-out of nobody was answered %d %s", shown.status, shown.body)
	}
}

// An ID token that is longer than a cookie may be is not kept: the provider is told the client alone, and asks the person.
func TestSignOutWithALongIDToken(t *testing.T) {
	f := newSignOutFixture(t)
	browser := identitytest.NewBrowser(t)
	f.provider.QueueUser(identitytest.Person{Subject: "alice"})
	f.arrive(t, browser)
	f.provider.QueueUser(identitytest.Person{Subject: "bob", Said: map[string]any{"groups": strings.Repeat("g", cookieBytesMax)}})
	f.arrive(t, browser)
	address := f.leave(t, browser, "")
	if query := address.Query(); query.Has("id_token_hint") || query.Get("client_id") != f.provider.ClientID {
		t.Errorf("the browser is sent to %s", address)
	}
	if shown := f.open(t, browser, address.String()); !strings.Contains(shown.body, "Do you want to sign out?") {
		t.Errorf("the provider says %s", shown.body)
	}
}

// Neither the page that begins a sign-out nor the provider sends a browser to another site.
func TestSignOutStaysInTheShop(t *testing.T) {
	f := newSignOutFixture(t)
	browser := identitytest.NewBrowser(t)
	f.arrive(t, browser)
	if state := f.leave(t, browser, "?return=//evil.example").Query().Get("state"); state != "/" {
		t.Errorf("the state is %q", state)
	}
	for _, state := range []string{"", "//evil.example", "https://evil.example/", "/\\evil.example"} {
		w := f.send(t, ask{method: "GET", path: "/sign-out/callback?state=" + url.QueryEscape(state)})
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/" {
			t.Errorf("%q leads to %q: %d", state, to, w.Code)
		}
	}
}

// A process that does not know the provider yet, since that is away, signs out here at once.
func TestSignOutWhileTheProviderIsAway(t *testing.T) {
	f := newSignOutFixture(t)
	session := f.signIn(t, identitytest.Person{Subject: "alice"})
	f.provider.SetAway(true)
	known := f.newIdentity(t, testNow)
	fresh := newFixture(t, func(o *Options) { o.Identity, o.PublicURL = known, "https://shop.example" })
	w := fresh.send(t, ask{method: "POST", path: "/sign-out", header: http.Header{
		"Cookie": {"__Host-boxoffice_session=" + session}, "Origin": {"https://shop.example"},
	}})
	cookies := strings.Join(w.Header().Values("Set-Cookie"), "\n")
	want := "__Host-boxoffice_session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax\n" +
		"__Secure-boxoffice_id_token=; Path=/sign-out; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	if w.Code != http.StatusNoContent || cookies != want {
		t.Errorf("answered %d with\n%s", w.Code, cookies)
	}
}
