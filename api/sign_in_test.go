package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/identity/identitytest"
)

// wantPage checks that a person is told what went wrong in a page with a way to try again, and is not signed in.
func (f *signInFixture) wantPage(t *testing.T, browser *http.Client, address string, status int, again string) {
	t.Helper()
	shown := f.open(t, browser, address)
	if shown.status != status || !strings.HasPrefix(shown.header.Get("Content-Type"), "text/html") ||
		!strings.Contains(shown.body, `<a class="button" href="/sign-in?return=`+url.QueryEscape(again)+`">`) ||
		!strings.Contains(shown.body, "<h1>") {
		t.Errorf("answered %d %s", shown.status, shown.body)
	}
	if policy := shown.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'self'") {
		t.Errorf("the page has the policy %q", policy)
	}
	if shown := f.open(t, browser, "/v1/me"); shown.status != http.StatusUnauthorized {
		t.Errorf("the browser is signed in: %d", shown.status)
	}
}

// The page of a failed sign-in was in English for everybody, and white at night. It is in the language of the other pages, also by
// their switch, leads back to where the person was, and shows nothing of what came with the address.
func TestFailedSignInIsToldInTheLanguageOfTheReader(t *testing.T) {
	f := newSignInFixture(t)
	for name, c := range map[string]struct{ accept, cookie, lang, again, title string }{
		"English":        {"en-GB", "", "en", "Sign in again", "Not signed in"},
		"none":           {"", "", "en", "Sign in again", "Not signed in"},
		"Chinese":        {"zh-CN,zh;q=0.9,en;q=0.8", "", "zh-CN", "\u91cd\u65b0\u767b\u5f55", "\u672a\u767b\u5f55"},
		"by the switch":  {"en", "zh", "zh-CN", "\u91cd\u65b0\u767b\u5f55", "\u672a\u767b\u5f55"},
		"a made-up one":  {"zh", "xx", "zh-CN", "\u91cd\u65b0\u767b\u5f55", "\u672a\u767b\u5f55"},
		"switched to en": {"zh", "en", "en", "Sign in again", "Not signed in"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ask{method: "GET", header: http.Header{"Accept-Language": {c.accept}, "Cookie": {"language=" + c.cookie}},
				path: "/sign-in/callback?state=x&error=access_denied&error_description=" + url.QueryEscape("<b>told by the provider</b>")}
			w := f.send(t, r)
			for _, want := range []string{
				`<html lang="` + c.lang + `">`, `<meta name="color-scheme" content="light dark">`, "<h1>" + c.title + "</h1>", c.again,
				`<a class="button quiet" href="/">`, `href="/sign-in?return=`,
			} {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("without %q: %s", want, w.Body)
				}
			}
			if vary := w.Header().Get("Vary"); vary != "Accept-Language, Cookie" {
				t.Errorf("Vary is %q", vary)
			}
			if strings.Contains(w.Body.String(), "provider<") || strings.Contains(w.Body.String(), "<b>") {
				t.Errorf("it shows what came with the address: %s", w.Body)
			}
		})
	}
	browser := identitytest.NewBrowser(t)
	back := f.comeBack(t, identitytest.Person{Subject: "alice"}, f.begin(t, browser, "/orders?a=1"))
	back.RawQuery = "state=" + url.QueryEscape(back.Query().Get("state")) + "&error=access_denied"
	if shown := f.open(t, browser, back.String()); !strings.Contains(shown.body, `<a class="button quiet" href="/orders?a=1">`) {
		t.Errorf("there is no way back to where she was: %s", shown.body)
	}
}

// A person signs in, is known by name and roles, does what the page lets do, and signs out.
func TestSignInAndOut(t *testing.T) {
	f := newSignInFixture(t)
	browser := identitytest.NewBrowser(t)
	f.provider.QueueUser(identitytest.Person{Subject: "alice", Said: map[string]any{"name": "Alice \u738b", "roles": "staff"}})
	shown := f.open(t, browser, "/sign-in?return="+url.QueryEscape("/problems?from=sign-in"))
	if shown.status != http.StatusOK || shown.at != f.server.URL+"/problems?from=sign-in" {
		t.Fatalf("the browser is at %s: %d %s", shown.at, shown.status, shown.body)
	}
	want := `{"subject":"alice","name":"Alice ` + "\u738b" + `","roles":["buyer","staff"],"expires_at":"2026-11-20T14:00:00.000Z","by":"cookie"}`
	if shown := f.open(t, browser, "/v1/me"); shown.body != want {
		t.Errorf("/v1/me is %s, want %s", shown.body, want)
	}
	if shown := f.open(t, browser, "/v1/orders"); shown.status != http.StatusOK || !strings.Contains(shown.body, orderID) {
		t.Errorf("her orders: %d %s", shown.status, shown.body)
	}
	signOut := func(site string) int { return f.signOut(t, browser, "", site).status }
	if status := signOut("cross-site"); status != http.StatusForbidden {
		t.Errorf("another site's sign-out was answered %d", status)
	}
	if shown := f.open(t, browser, "/v1/me"); shown.status != http.StatusOK {
		t.Errorf("another site has signed her out: %d", shown.status)
	}
	if status := signOut("same-origin"); status != http.StatusNoContent {
		t.Errorf("sign-out was answered %d", status)
	}
	if shown := f.open(t, browser, "/v1/me"); shown.status != http.StatusUnauthorized {
		t.Errorf("after the sign-out: %d", shown.status)
	}
}

// The browser goes to the provider with what makes the answer good for this sign-in alone.
func TestAddressAtTheProvider(t *testing.T) {
	f := newSignInFixture(t)
	var seen []string
	for range 2 {
		address, err := url.Parse(f.begin(t, identitytest.NewBrowser(t), "/"))
		if err != nil {
			t.Fatal(err)
		}
		query := address.Query()
		for name, want := range map[string]string{
			"response_type": "code", "client_id": f.provider.ClientID, "redirect_uri": f.server.URL + "/sign-in/callback",
			"scope": "openid profile", "code_challenge_method": "S256",
		} {
			if got := query.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if value := query.Get(name); len(value) < 26 || slices.Contains(seen, value) {
				t.Errorf("%s is %q, after %q", name, value, seen)
			} else {
				seen = append(seen, value)
			}
		}
	}
}

// A sign-in is begun at one process and finished at another, and a third knows the session: none keeps anything.
func TestSignInGoesThroughAnyProcess(t *testing.T) {
	f := newSignInFixture(t)
	var processes []http.Handler
	for range 3 {
		known := f.newIdentity(t, testNow)
		processes = append(processes, newFixture(t, func(o *Options) { o.Identity = known }).handler)
	}
	var turn atomic.Int64
	f.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		processes[int(turn.Add(1))%len(processes)].ServeHTTP(w, r)
	})
	browser := identitytest.NewBrowser(t)
	f.provider.QueueUser(identitytest.Person{Subject: "alice"})
	if shown := f.open(t, browser, "/sign-in?return=/problems"); shown.status != http.StatusOK {
		t.Fatalf("answered %d %s", shown.status, shown.body)
	}
	for range len(processes) {
		if shown := f.open(t, browser, "/v1/me"); shown.status != http.StatusOK {
			t.Errorf("answered %d %s", shown.status, shown.body)
		}
	}
}

// An attacker makes a victim's browser finish the attacker's own sign-in: what the victim then buys and types would be the
// attacker's to see.
func TestSignInOfSomebodyElse(t *testing.T) {
	f := newSignInFixture(t)
	mallory := f.comeBack(t, identitytest.Person{Subject: "mallory"}, f.begin(t, identitytest.NewBrowser(t), "/"))
	victim := identitytest.NewBrowser(t)
	f.wantPage(t, victim, mallory.String(), http.StatusBadRequest, "/")
	f.begin(t, victim, "/problems") // of her own
	f.wantPage(t, victim, mallory.String(), http.StatusBadRequest, "/problems")
}

// An attacker who knows the state of a victim's sign-in puts a code of his own into it.
func TestStolenState(t *testing.T) {
	f := newSignInFixture(t)
	for name, withoutChallenge := range map[string]bool{"PKCE": false, "nonce": true} {
		t.Run(name, func(t *testing.T) {
			victim := identitytest.NewBrowser(t)
			address, err := url.Parse(f.begin(t, victim, "/problems"))
			if err != nil {
				t.Fatal(err)
			}
			own, err := url.Parse(f.begin(t, identitytest.NewBrowser(t), "/"))
			if err != nil {
				t.Fatal(err)
			}
			query := own.Query()
			if withoutChallenge { // the provider then asks for no verifier
				query.Del("code_challenge")
				query.Del("code_challenge_method")
			}
			own.RawQuery = query.Encode()
			back := f.comeBack(t, identitytest.Person{Subject: "mallory"}, own.String())
			answer := back.Query()
			answer.Set("state", address.Query().Get("state"))
			back.RawQuery = answer.Encode()
			f.wantPage(t, victim, back.String(), http.StatusForbidden, "/problems")
		})
	}
}

// A code that somebody has found in a history or a log is of no use: the browser has used up its part, the process knows that,
// and to any other process the provider says so.
func TestReplayOfTheCode(t *testing.T) {
	f := newSignInFixture(t)
	known := f.newIdentity(t, testNow)
	one, other := f.server.Config.Handler, newFixture(t, func(o *Options) { o.Identity = known }).handler
	var atOther atomic.Bool
	f.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if atOther.Load() {
			other.ServeHTTP(w, r)
		} else {
			one.ServeHTTP(w, r)
		}
	})
	browser := identitytest.NewBrowser(t)
	address := f.begin(t, browser, "/problems")
	shop, err := url.Parse(f.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	kept := browser.Jar.Cookies(shop)
	back := f.comeBack(t, identitytest.Person{Subject: "alice"}, address).String()
	if shown := f.open(t, browser, back); shown.status != http.StatusOK {
		t.Fatalf("answered %d %s", shown.status, shown.body)
	}
	if shown := f.open(t, browser, back); shown.status != http.StatusOK { // it goes on to where it is signed in already
		t.Errorf("the second time it was answered %d", shown.status)
	}
	thief := identitytest.NewBrowser(t)
	thief.Jar.SetCookies(shop, kept)
	f.wantPage(t, thief, back, http.StatusBadRequest, "/problems")
	atOther.Store(true)
	thief.Jar.SetCookies(shop, kept)
	f.wantPage(t, thief, back, http.StatusForbidden, "/problems")
}

// What a browser kept from the one purpose is nothing for another, and whatever else it may keep is nothing at all.
func TestFlowIsNoSession(t *testing.T) {
	f := newSignInFixture(t)
	_, flow, err := f.known.BeginSignIn(t.Context(), "/", "")
	if err != nil {
		t.Fatal(err)
	}
	session := f.signIn(t, identitytest.Person{Subject: "alice"})
	for _, a := range []ask{
		{header: http.Header{"Cookie": {"boxoffice_session=" + flow}}}, {token: flow},
		{header: http.Header{"Cookie": {"__Host-boxoffice_session=" + session}}}, // this shop is reached without TLS
	} {
		a.method, a.path = "GET", "/v1/me"
		wantProblem(t, f.send(t, a), http.StatusUnauthorized, "unauthorized")
	}
	w := f.send(t, ask{method: "GET", path: "/sign-in/callback?code=x&state=", header: http.Header{"Cookie": {"boxoffice_sign_in=" + session}}})
	if w.Code != http.StatusBadRequest {
		t.Errorf("a session as the begin of a sign-in was answered %d", w.Code)
	}
}

// A link to the office's own sign-in must not lead to another site in the end.
func TestReturnStaysInTheShop(t *testing.T) {
	f := newSignInFixture(t)
	for given, want := range map[string]string{
		"/problems":                    "/problems",
		"/orders?cursor=a%2Fb#x":       "/orders?cursor=a%2Fb#x",
		"":                             "/",
		"problems":                     "/",
		"///evil.example":              "/",
		"//evil.example":               "/",
		"/\\evil.example":              "/",
		"/\t/evil.example":             "/",
		"/\n/evil.example":             "/",
		"https://evil.example/":        "/",
		"javascript:alert(1)":          "/",
		"/%zz":                         "/",
		"/\u738b":                      "/",
		"/" + strings.Repeat("a", 512): "/",
	} {
		browser := identitytest.NewBrowser(t)
		back := f.comeBack(t, identitytest.Person{Subject: "alice"}, f.begin(t, browser, given)).String()
		browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		shown := f.open(t, browser, back)
		if got := shown.header.Get("Location"); shown.status != http.StatusSeeOther || got != want {
			t.Errorf("%q leads to %q, want %q", given, got, want)
		}
	}
}

// Whatever the provider answers, a person sees what happened and can try again.
func TestRefusalsOfTheProvider(t *testing.T) {
	f := newSignInFixture(t)
	for name, c := range map[string]struct {
		change func(answer url.Values)
		person identitytest.Person
		status int
	}{
		"declined":               {func(a url.Values) { a.Del("code"); a.Set("error", "access_denied") }, identitytest.Person{Subject: "alice"}, 403},
		"another provider's":     {func(a url.Values) { a.Set("iss", "https://evil.example") }, identitytest.Person{Subject: "alice"}, 400},
		"another state":          {func(a url.Values) { a.Set("state", "other") }, identitytest.Person{Subject: "alice"}, 400},
		"two states":             {func(a url.Values) { a.Add("state", "other") }, identitytest.Person{Subject: "alice"}, 400},
		"no state":               {func(a url.Values) { a.Del("state") }, identitytest.Person{Subject: "alice"}, 400},
		"made-up code":           {func(a url.Values) { a.Set("code", "made-up") }, identitytest.Person{Subject: "alice"}, 403},
		"nobody's subject":       {nil, identitytest.Person{Subject: "al\u00edce"}, 403},
		"token of other client":  {nil, identitytest.Person{Subject: "alice", Said: map[string]any{"aud": "other"}}, 503},
		"token for other party":  {nil, identitytest.Person{Subject: "alice", Said: map[string]any{"azp": "other"}}, 503},
		"token of other issuer":  {nil, identitytest.Person{Subject: "alice", Said: map[string]any{"iss": "https://evil.example"}}, 503},
		"expired token":          {nil, identitytest.Person{Subject: "alice", Said: map[string]any{"exp": testNow().Add(-time.Hour).Unix()}}, 503},
		"token of other sign-in": {nil, identitytest.Person{Subject: "alice", Said: map[string]any{"nonce": "other"}}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			browser := identitytest.NewBrowser(t)
			back := f.comeBack(t, c.person, f.begin(t, browser, "/problems"))
			answer := back.Query()
			if c.change != nil {
				c.change(answer)
			}
			back.RawQuery = answer.Encode()
			f.wantPage(t, browser, back.String(), c.status, "/problems")
		})
	}
}

func TestSignInWhileTheProviderIsAway(t *testing.T) {
	f := newSignInFixture(t)
	f.provider.SetAway(true)
	f.wantPage(t, identitytest.NewBrowser(t), "/sign-in?return=/problems", http.StatusServiceUnavailable, "/problems")
	if log := f.log.String(); !strings.Contains(log, "identity provider is away") {
		t.Errorf("logged %q", log)
	}
	f.provider.SetAway(false)
	f.known = f.newIdentity(t, testNow)
	session := f.signIn(t, identitytest.Person{Subject: "alice"})
	f.provider.SetAway(true)
	w := f.send(t, ask{method: "GET", path: "/v1/me", header: http.Header{"Cookie": {"boxoffice_session=" + session}}})
	if w.Code != http.StatusOK {
		t.Errorf("who has signed in before: %d %s", w.Code, w.Body)
	}
	w = f.send(t, ask{method: "GET", path: "/v1/me", token: f.provider.Sign(f.claims("alice", nil))})
	wantProblem(t, w, http.StatusServiceUnavailable, "identity_provider_away")
}

// A key that the provider has begun to use since is read in the middle of a sign-in.
func TestSignInAfterARotation(t *testing.T) {
	f := newSignInFixture(t)
	now := testNow()
	f.known = f.newIdentity(t, func() time.Time { return now })
	f.signIn(t, identitytest.Person{Subject: "alice"})
	f.provider.Rotate()
	now = now.Add(time.Minute)
	f.signIn(t, identitytest.Person{Subject: "alice"})
}

// A session ends when it says so, to the second, in every process.
func TestSessionEnds(t *testing.T) {
	now := testNow()
	clock := func() time.Time { return now }
	f := newSignInFixture(t)
	known := f.newIdentity(t, clock)
	f.known = known
	fresh := newFixture(t, func(o *Options) { o.Identity, o.Now = known, clock })
	session := f.signIn(t, identitytest.Person{Subject: "alice"})
	me := ask{method: "GET", path: "/v1/me", header: http.Header{"Cookie": {"boxoffice_session=" + session}}}
	for _, c := range []struct {
		later  time.Duration
		status int
	}{{0, 200}, {testSessionLife - time.Second, 200}, {testSessionLife, 401}} {
		now = testNow().Add(c.later)
		if w := fresh.send(t, me); w.Code != c.status {
			t.Errorf("after %v: %d %s", c.later, w.Code, w.Body)
		}
	}
}

// What the cookies say of themselves keeps them from scripts, from other sites' forms, and over https from other hosts.
func TestCookieAttributes(t *testing.T) {
	for publicURL, want := range map[string]string{
		"":                           "boxoffice_sign_in=...; Path=/; Max-Age=1200; HttpOnly; SameSite=Lax",
		"http://127.0.0.1:8080":      "boxoffice_sign_in=...; Path=/; Max-Age=1200; HttpOnly; SameSite=Lax",
		"https://shop.example":       "__Host-boxoffice_sign_in=...; Path=/; Max-Age=1200; HttpOnly; Secure; SameSite=Lax",
		"https://shop.example/tills": "__Host-boxoffice_sign_in=...; Path=/; Max-Age=1200; HttpOnly; Secure; SameSite=Lax",
	} {
		f := newSignInFixture(t, func(o *Options) { o.PublicURL = publicURL })
		w := f.send(t, ask{method: "GET", path: "/sign-in"})
		name, rest, _ := strings.Cut(w.Header().Get("Set-Cookie"), "=")
		_, rest, _ = strings.Cut(rest, ";")
		if got := name + "=...;" + rest; got != want {
			t.Errorf("%q: %s, want %s", publicURL, got, want)
		}
	}
}

func TestSignInMethods(t *testing.T) {
	for want, f := range map[string]*fixture{
		`{"methods":["token"]}`:               newFixture(t),
		`{"methods":["demo","token"]}`:        newFixture(t, withDemo),
		`{"methods":["oidc","token"]}`:        newSignInFixture(t).fixture,
		`{"methods":["oidc","demo","token"]}`: newSignInFixture(t, withDemo).fixture,
	} {
		if w := f.send(t, ask{method: "GET", path: "/v1/sign-in"}); w.Body.String() != want {
			t.Errorf("answered %s, want %s", w.Body, want)
		}
	}
	for _, path := range []string{"/sign-in", "/sign-in/callback"} {
		wantProblem(t, newFixture(t).send(t, ask{method: "GET", path: path}), http.StatusNotFound, "not_found")
	}
}

// A person whose flow took too long is told so.
func TestSlowSignIn(t *testing.T) {
	now := testNow()
	f := newSignInFixture(t)
	f.known = f.newIdentity(t, func() time.Time { return now })
	f.fixture = newFixture(t, func(o *Options) { o.Identity = f.known })
	f.server = httptest.NewServer(f.handler)
	defer f.server.Close()
	browser := identitytest.NewBrowser(t)
	back := f.comeBack(t, identitytest.Person{Subject: "alice"}, f.begin(t, browser, "/problems"))
	now = now.Add(11 * time.Minute)
	f.wantPage(t, browser, back.String(), http.StatusBadRequest, "/")
}
