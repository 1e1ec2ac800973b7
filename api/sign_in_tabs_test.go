package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"boxoffice/identity"
	"boxoffice/identity/identitytest"
)

// With a real Keycloak: whoever went to sign in in two tabs and finished in the first was told that this sign-in "was not begun in
// this browser", and in the second one, too. Each tab finishes its own, in any order.
func TestTwoTabsSignInAtOnce(t *testing.T) {
	f := newSignInFixture(t)
	for name, secondFirst := range map[string]bool{"in order": false, "the other way round": true} {
		t.Run(name, func(t *testing.T) {
			browser := identitytest.NewBrowser(t)
			first, second := f.begin(t, browser, "/problems?tab=1"), f.begin(t, browser, "/problems?tab=2")
			if secondFirst {
				first, second = second, first
			}
			for _, address := range []string{first, second} {
				shown := f.open(t, browser, f.comeBack(t, identitytest.Person{Subject: "alice"}, address).String())
				if shown.status != http.StatusOK || !strings.HasPrefix(shown.at, f.server.URL+"/problems?tab=") {
					t.Errorf("the browser is at %s: %d %s", shown.at, shown.status, shown.body)
				}
				if me := f.open(t, browser, "/v1/me"); !strings.Contains(me.body, `"subject":"alice"`) {
					t.Errorf("signed in as %s", me.body)
				}
			}
			if kept := browser.Jar.Cookies(mustParse(t, f.server.URL)); len(kept) != 1 {
				t.Errorf("the browser keeps %v", kept)
			}
		})
	}
}

// With a real Keycloak: whoever had signed in and pressed Back was sent to the callback by it once more, and read "Not signed in"
// while signed in. Such a person goes on, as the same one: an answer that was made for somebody else changes nothing.
func TestBackAfterASignIn(t *testing.T) {
	f := newSignInFixture(t)
	browser := identitytest.NewBrowser(t)
	back := f.comeBack(t, identitytest.Person{Subject: "alice"}, f.begin(t, browser, "/problems"))
	f.open(t, browser, back.String())
	mallory := f.comeBack(t, identitytest.Person{Subject: "mallory"}, f.begin(t, identitytest.NewBrowser(t), "/"))
	for name, address := range map[string]*url.URL{"once more": back, "an answer for another browser": mallory} {
		shown := f.open(t, browser, address.String())
		if shown.status != http.StatusOK || shown.at != f.server.URL+"/" {
			t.Errorf("%s: the browser is at %s: %d", name, shown.at, shown.status)
		}
		if me := f.open(t, browser, "/v1/me"); !strings.Contains(me.body, `"subject":"alice"`) {
			t.Errorf("%s: signed in as %s", name, me.body)
		}
	}
	f.signOut(t, browser, "", "same-origin")
	f.wantPage(t, browser, back.String(), http.StatusBadRequest, "/")
}

// Who was signed in and signed in as somebody else was, when that failed, sent on in silence as who they had been: when they took
// too long at the provider, and when another provider answered.
func TestAFailedSignInIsToldToWhoIsSignedIn(t *testing.T) {
	f := newSignInFixture(t)
	now := testNow()
	f.known = f.newIdentity(t, func() time.Time { return now })
	f.fixture = newFixture(t, func(o *Options) { o.Identity = f.known })
	f.server = httptest.NewServer(f.handler)
	defer f.server.Close()
	browser := identitytest.NewBrowser(t)
	f.open(t, browser, f.comeBack(t, identitytest.Person{Subject: "alice"}, f.begin(t, browser, "/")).String())
	back := f.comeBack(t, identitytest.Person{Subject: "bob"}, f.begin(t, browser, "/problems"))
	foreign := *back
	foreign.RawQuery += "&iss=" + url.QueryEscape("https://evil.example")
	wantTold := func(address string) {
		t.Helper()
		if shown := f.open(t, browser, address); shown.status != http.StatusBadRequest {
			t.Errorf("%s: %d at %s", address, shown.status, shown.at)
		}
	}
	wantTold(foreign.String())
	back = f.comeBack(t, identitytest.Person{Subject: "bob"}, f.begin(t, browser, "/problems"))
	now = now.Add(identity.FlowLife + time.Second)
	wantTold(back.String())
	if me := f.open(t, browser, "/v1/me"); !strings.Contains(me.body, `"subject":"alice"`) {
		t.Errorf("signed in as %s", me.body)
	}
}

// An English browser in which the shop was switched to Chinese was asked for its password in English. The provider is told the
// language of the page (OpenID Connect Core, ui_locales).
func TestTheProviderSpeaksTheLanguageOfThePage(t *testing.T) {
	f := newSignInFixture(t)
	for cookie, want := range map[string]string{"language=zh": "zh-CN zh", "language=en": "en", "": "en"} {
		w := f.send(t, ask{method: "GET", path: "/sign-in", header: http.Header{"Accept-Language": {"en"}, "Cookie": {cookie}}})
		if got := mustParse(t, w.Header().Get("Location")).Query().Get("ui_locales"); got != want {
			t.Errorf("with the cookie %q it asks for %q, want %q", cookie, got, want)
		}
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
