// Package identitytest runs an identity provider for tests: a real OpenID Connect server, in this process, in which a test
// says who signs in next.
package identitytest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
)

// Provider is an identity provider whose clock shows the time of the test. It knows a browser again by a cookie: who has signed
// in there signs in once more without being asked, unless somebody else stands in the queue, until the browser signs out there.
type Provider struct {
	*browsers
	t    testing.TB
	mu   sync.RWMutex // of the key: requests read it
	away atomic.Bool
}

// Run starts a provider, which goes with the test.
func Run(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	server, err := mockoidc.NewServer(nil) // with a key of its own, which need not be made
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{browsers: &browsers{MockOIDC: server, known: map[string]mockoidc.User{}}, t: t}
	if _, err := p.Keypair.KeyID(); err != nil { // it is computed when it is first asked for
		t.Fatal(err)
	}
	p.FastForward(time.Until(now()))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Server = &http.Server{Addr: listener.Addr().String(), Handler: p.failWhenAway(p.routes()), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = p.Server.Serve(listener) // until it is closed
	}()
	t.Cleanup(func() {
		_ = p.Server.Close()
		<-served
	})
	return p
}

// routes are those of the server, with the way out besides.
func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(mockoidc.AuthorizationEndpoint, p.authorize)
	mux.HandleFunc(mockoidc.TokenEndpoint, p.Token)
	mux.HandleFunc(mockoidc.JWKSEndpoint, p.JWKS)
	mux.HandleFunc(mockoidc.UserinfoEndpoint, p.Userinfo)
	mux.HandleFunc(mockoidc.DiscoveryEndpoint, p.discovery)
	mux.HandleFunc(endSessionPath, p.endSession)
	return mux
}

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// failWhenAway fails every request of a provider that is away.
func (p *Provider) failWhenAway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		p.mu.RLock()
		defer p.mu.RUnlock()
		next.ServeHTTP(w, r)
	})
}

// SetAway makes the provider fail every request, or answer again.
func (p *Provider) SetAway(away bool) { p.away.Store(away) }

// Rotate replaces the key: the old one is withdrawn, and signs nothing any more.
func (p *Provider) Rotate() {
	p.t.Helper()
	keypair, err := mockoidc.NewKeypair(newKey(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := keypair.KeyID(); err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Keypair = keypair
}

// Sign makes a token of the provider.
func (p *Provider) Sign(claims jwt.MapClaims) string {
	p.t.Helper()
	text, err := p.Keypair.SignJWT(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// Person is who signs in next, with what the provider says of them besides the registered claims.
type Person struct {
	Subject string
	Said    map[string]any
	Info    map[string]any // what it says at its userinfo endpoint besides the subject, or in place of it
}

// ID is the subject of the tokens.
func (p Person) ID() string { return p.Subject }

// Userinfo is what the userinfo endpoint answers.
func (p Person) Userinfo([]string) ([]byte, error) {
	info := map[string]any{"sub": p.Subject}
	maps.Copy(info, p.Info)
	return json.Marshal(info)
}

// Claims is what the ID token says.
func (p Person) Claims(_ []string, base *mockoidc.IDTokenClaims) (jwt.Claims, error) {
	claims := jwt.MapClaims{
		"iss": base.Issuer, "sub": base.Subject, "aud": base.Audience, "exp": base.ExpiresAt, "iat": base.IssuedAt, "nbf": base.NotBefore,
		"nonce": base.Nonce,
	}
	maps.Copy(claims, p.Said)
	return claims, nil
}

// NewBrowser returns a client that keeps cookies and follows redirects, as a browser does.
func NewBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 10 * time.Second}
}
