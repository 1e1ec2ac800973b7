package api

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice/identity"
	"boxoffice/identity/identitytest"
)

const testAudience = "boxoffice-api"

// signInFixture is a fixture at whose identity provider people sign in. A browser reaches it at its server.
type signInFixture struct {
	*fixture
	provider *identitytest.Provider
	known    *identity.Service
	server   *httptest.Server
}

func newSignInFixture(t *testing.T, change ...func(*Options)) *signInFixture {
	t.Helper()
	f := &signInFixture{provider: identitytest.Run(t, testNow)}
	f.known = f.newIdentity(t, testNow)
	f.fixture = newFixture(t, append([]func(*Options){func(o *Options) { o.Identity = f.known }}, change...)...)
	f.server = httptest.NewServer(f.handler)
	t.Cleanup(f.server.Close)
	return f
}

// newIdentity is what one more process of the office knows.
func (f *signInFixture) newIdentity(t *testing.T, now func() time.Time) *identity.Service {
	t.Helper()
	provider, err := identity.NewProvider(identity.ProviderOptions{
		Issuer: f.provider.Issuer(), SignIn: true, Audience: testAudience, RolesClaim: "roles", StaffRole: "staff", AdminRole: "admin",
		Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return newIdentity(t, identity.Options{Now: now, Provider: provider, SignIn: &identity.SignInOptions{
		ClientID: f.provider.ClientID, ClientSecret: f.provider.ClientSecret, Scopes: []string{"openid", "profile"},
		RedirectURL:  func() string { return f.shopURL() + SignInCallbackPath },
		SignedOutURL: func() string { return f.shopURL() + SignOutCallbackPath },
	}})
}

func (f *signInFixture) shopURL() string {
	if f.server == nil {
		return "https://shop.example"
	}
	return f.server.URL
}

// claims is what a bearer token of the provider says.
func (f *signInFixture) claims(subject string, said map[string]any, change ...func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"iss": f.provider.Issuer(), "aud": testAudience, "sub": subject, "exp": testNow().Add(time.Hour).Unix()}
	maps.Copy(c, said)
	for _, apply := range change {
		apply(c)
	}
	return c
}

// signIn signs a person in, without a browser, and returns the session.
func (f *signInFixture) signIn(t *testing.T, person identitytest.Person) string {
	t.Helper()
	address, flow, err := f.known.BeginSignIn(t.Context(), "/", "")
	if err != nil {
		t.Fatal(err)
	}
	signedIn, err := f.known.FinishSignIn(t.Context(), "192.0.2.1", flow, f.comeBack(t, person, address).Query())
	if err != nil {
		t.Fatal(err)
	}
	return signedIn.Session
}

// oldSession is the session of a person who signed in so long ago that it is over now, to the second.
func oldSession(t *testing.T, person identitytest.Person) string {
	t.Helper()
	before := func() time.Time { return testNow().Add(-testSessionLife) }
	f := &signInFixture{provider: identitytest.Run(t, before)}
	f.known = f.newIdentity(t, before)
	return f.signIn(t, person)
}

// comeBack lets a person sign in at the provider, and returns the address to which it sends the browser back.
func (f *signInFixture) comeBack(t *testing.T, person identitytest.Person, address string) *url.URL {
	t.Helper()
	f.provider.QueueUser(person)
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := stay.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", response.Status, err)
	}
	return back
}

// shown is what a browser shows in the end.
type shown struct {
	at     string // its address
	status int
	header http.Header
	body   string
}

// open opens a page in a browser.
func (f *signInFixture) open(t *testing.T, browser *http.Client, address string) shown {
	t.Helper()
	if address[0] == '/' {
		address = f.server.URL + address
	}
	response, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return shown{at: response.Request.URL.String(), status: response.StatusCode, header: response.Header, body: string(body)}
}

// begin begins a sign-in in a browser, and returns the address at the provider.
func (f *signInFixture) begin(t *testing.T, browser *http.Client, returnPath string) string {
	t.Helper()
	stay := *browser
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	begun := f.open(t, &stay, "/sign-in?return="+url.QueryEscape(returnPath))
	if begun.status != http.StatusSeeOther {
		t.Fatalf("answered %d %s", begun.status, begun.body)
	}
	return begun.header.Get("Location")
}

// signOut signs a browser out, as a page of this site has it done.
func (f *signInFixture) signOut(t *testing.T, browser *http.Client, query, site string) shown {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/sign-out"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", site)
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return shown{status: response.StatusCode, header: response.Header, body: string(body)}
}
