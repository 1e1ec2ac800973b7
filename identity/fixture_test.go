package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	testSecret   = "0123456789abcdef0123456789abcdef"
	testIssuer   = "https://login.example"
	testAudience = "boxoffice-api"
)

func testNow() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 250e6, time.UTC) }

// testClock is a clock that a test moves.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock { return &testClock{now: testNow()} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// signer is a key with which a provider signs.
type signer struct {
	id      string
	method  jwt.SigningMethod
	private crypto.Signer
}

func newSigner(t testing.TB, id string, method jwt.SigningMethod) signer {
	t.Helper()
	var private crypto.Signer
	var err error
	switch method.(type) {
	case *jwt.SigningMethodRSA:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case *jwt.SigningMethodECDSA:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer{id: id, method: method, private: private}
}

// sign makes a token; change may spoil its header.
func (s signer) sign(t testing.TB, claims jwt.MapClaims, change ...func(header map[string]any)) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, claims)
	token.Header["kid"] = s.id
	for _, apply := range change {
		apply(token.Header)
	}
	text, err := token.SignedString(s.private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// publish makes the JWK Set of the public keys.
func publish(t testing.TB, signers ...signer) []byte {
	t.Helper()
	var set struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}
	for _, s := range signers {
		key, err := jwkset.NewJWKFromKey(s.private.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: s.id}})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, key.Marshal())
	}
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// keyServer serves a JWK Set that a test changes.
type keyServer struct {
	*httptest.Server
	mu      sync.Mutex
	set     []byte // nil: it is away
	fetches int
}

func newKeyServer(t testing.TB, signers ...signer) *keyServer {
	t.Helper()
	s := &keyServer{set: publish(t, signers...)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetches++
		if s.set == nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(s.set)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) change(set []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = set
}

func (s *keyServer) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

// logText is a log that a test may read while it is written.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fixture is a service that takes the tokens of a provider besides the office's.
type fixture struct {
	*Service
	provider *Provider
	clock    *testClock
	log      *logText
}

// newFixture makes the service, with the provider's keys at a URL or in a file; change may replace options.
func newFixture(t testing.TB, keys string, change ...func(*ProviderOptions)) *fixture {
	t.Helper()
	f := &fixture{clock: newTestClock(), log: &logText{}}
	options := ProviderOptions{
		Issuer: testIssuer, Keys: keys, Audience: testAudience, RolesClaim: "roles", StaffRole: "staff", AdminRole: "admin",
		Now: f.clock.Now, Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	for _, apply := range change {
		apply(&options)
	}
	provider, err := NewProvider(options)
	if err != nil {
		t.Fatal(err)
	}
	f.provider = provider
	f.Service, err = New(Options{Secret: []byte(testSecret), Provider: provider, SessionLife: time.Hour, Now: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// goodClaims is what a token of the provider says; change may spoil it.
func goodClaims(change ...func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"iss": testIssuer, "aud": testAudience, "sub": "alice", "exp": testNow().Add(time.Hour).Unix()}
	for _, apply := range change {
		apply(c)
	}
	return c
}

func set(name string, value any) func(jwt.MapClaims) {
	return func(c jwt.MapClaims) { c[name] = value }
}

func without(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }
